//! What came of a case, and how it is told.

pub mod complaint;
pub mod events;
pub mod json;
pub mod lanes;
pub mod live;
pub mod page;
pub mod text;
pub mod timeline;
pub mod verdict;
