//! x
pub fn run(_a: &crate::address::Address, _o: &crate::cli::Options) -> Result<(), String> {
    Ok(())
}
