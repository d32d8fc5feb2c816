//! What std can't ask the system: common tools, and `/proc` where there is one.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::check::telling::verdict::{Verdict, fail, not_checked};
use crate::{text, tr};

/// `/proc` counts CPU time in hundredths of a second (`getconf CLK_TCK`), on every Linux of today.
const TICKS_A_SECOND: f64 = 100.0;

/// What a process uses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time since its start.
    pub cpu: Duration,
    /// Most memory it ever had, in KiB.
    pub peak: u64,
    /// Memory it has now, in KiB.
    pub memory: u64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

impl fmt::Display for Usage {
    /// What may be left of those who have gone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Usage { memory, threads, descriptors, .. } = self;
        f.write_str(&tr!(zh "内存 {memory} KiB，线程 {threads} 个，描述符 {descriptors} 个",
                         en "{memory} KiB of memory, {threads} threads, {descriptors} descriptors"))
    }
}

/// What process `pid` uses now. Not checked where there is no `/proc`.
pub fn usage(pid: u32) -> Verdict<Usage> {
    match read_usage(pid) {
        Some(usage) => Ok(usage),
        None if has_proc() => fail(
            text!(zh "程序继续运行", en "the program runs on"),
            text!(zh "它已经结束", en "it has ended"),
        ),
        None => not_checked(text!(zh "这里没有 /proc", en "there is no /proc here")),
    }
}

/// Whether the system shows its processes and sockets as Linux does.
#[must_use]
pub fn has_proc() -> bool {
    read_usage(std::process::id()).is_some()
}

fn read_usage(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // The name in parentheses may hold blanks: count from behind it. utime and stime are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Usage {
        cpu: Duration::from_secs_f64(ticks / TICKS_A_SECOND),
        peak: number("VmHWM:")?,
        memory: number("VmRSS:")?,
        threads: number("Threads:")?,
        descriptors: fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64,
    })
}

/// How long all threads of a process have been kept waiting for a processor since they began. (Linux tells; elsewhere
/// it is nothing.)
pub fn kept_waiting(pid: u32) -> Duration {
    let of_thread = |thread: fs::DirEntry| {
        let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        times.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
    };
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.filter_map(of_thread).sum()
}

/// Goes on only where these tools exist and run.
pub fn need(tools: &[&str]) -> Verdict {
    for tool in tools {
        let known = Command::new("sh")
            .args(["-c", "command -v \"$1\"", "sh", tool])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !known {
            return not_checked(tr!(zh "这里没有 `{tool}` 命令", en "there is no `{tool}` here"));
        }
    }
    Ok(())
}

/// Goes on only where strace may look at programs: containers often forbid it.
pub fn need_tracing() -> Verdict {
    need(&["strace"])?;
    let traced =
        Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if traced.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    not_checked(text!(zh "这里不允许 strace 跟踪程序", en "strace isn't allowed to trace programs here"))
}

/// Kills process groups, each at one blow: what is just about to start another process doesn't get to that.
pub fn kill_groups(groups: &BTreeSet<u32>) {
    let mut command = Command::new("kill");
    command.args(["-KILL", "--"]).args(groups.iter().map(|group| format!("-{group}")));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command.status();
}

/// Sends a signal by name, as `kill -INT PID` does.
pub fn signal(pid: u32, name: &str) -> Verdict {
    // Not the shell's own `kill`: this way a missing tool is told from a process that is gone.
    match Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status() {
        Ok(_) => Ok(()),
        Err(e) => not_checked(tr!(zh "无法运行 `kill`：{e}", en "`kill` doesn't run: {e}")),
    }
}
