//! stub
use super::Result;
use std::path::Path;
pub fn draw(_from: &Path, _into: &Path) -> Result<()> {
    Ok(())
}
