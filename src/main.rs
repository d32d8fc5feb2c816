//! The `chatroom` command: parse, bind, run.
fn main() {}
