//! x
pub fn run(_u: &crate::address::Url) -> Result<(), String> {
    Ok(())
}
