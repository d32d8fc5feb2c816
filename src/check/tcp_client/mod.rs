//! The cases for a TCP client.

use super::Case;

/// All of them.
#[must_use]
pub fn cases() -> Vec<&'static Case> {
    vec![]
}
