//! Opens the page in the browser, by the notes' three commands.

use std::io;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};

use super::terminal::is_terminal;
use crate::{say, warn};

/// Says on a terminal where the page of the server at `local` is, and opens it if wanted (`--open`).
pub fn show_page(local: SocketAddr, open_it: bool) {
    let anywhere = local.ip().is_unspecified();
    let host = if anywhere { format!("localhost:{}", local.port()) } else { local.to_string() };
    let page = format!("http://{host}/");
    if is_terminal() {
        say!(zh "请用浏览器打开 {page}（在这里输入的内容不会发给任何人）",
             en "open {page} in a browser (what is typed here goes to nobody)");
    }
    if open_it {
        drop(open(page));
    }
}

/// Opens an address, or a file. Does not wait for the browser; if there is none, says what to open.
/// The command may stay as long as the browser does: its thread is returned.
pub fn open(url: String) -> io::Result<JoinHandle<()>> {
    let mut command = if cfg!(windows) {
        let mut cmd = Command::new("cmd");
        cmd.args(["/C", "start"]);
        cmd
    } else {
        Command::new(if cfg!(target_os = "macos") { "open" } else { "xdg-open" })
    };
    command.arg(&url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)] // our Ctrl-C is not the browser's
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let wait = move || match command.status() {
        Ok(status) if status.success() => {}
        Ok(_) | Err(_) => {
            warn!(zh "无法打开浏览器；请自己打开 {url}", en "cannot open a browser; open {url} yourself")
        }
    };
    thread::Builder::new().spawn(wait)
}
