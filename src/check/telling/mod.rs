//! What came of a case, and how it is told.

pub mod log;
pub mod verdict;
