//! Machines of a test's own: network namespaces, each with a cable to one switch. Root may make them, and
//! on most machines everybody may who is content to be root in there alone.
//!
//! Each is kept by a process that waits for the end of its input, so that nothing of it is left behind,
//! whatever becomes of the test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::env;
use std::process::Command;

use super::blocks;
use super::relay::Process;

/// The switch, and what is needed to get into a namespace beside its process.
pub struct Network {
    switch: Process,
    enter: &'static [&'static str],
}

/// A machine at the switch.
pub struct Machine {
    keeper: Process,
    enter: &'static [&'static str],
    number: usize,
    pub addr: String,
}

/// Keeps a namespace until its input ends.
const KEEPER: &str = "echo ready; exec cat > /dev/null";

impl Network {
    /// A switch without machines. Nothing, where that can't be made.
    pub fn new() -> Option<Network> {
        let network = Network::try_new();
        if network.is_none() {
            eprintln!("not run here: it needs network namespaces, and `ip` (the package iproute2)");
        }
        network
    }

    fn try_new() -> Option<Network> {
        let everybody = blocks::isolation()?.contains("--map-root-user");
        let enter: &[&str] = if everybody { &["-U", "--preserve-credentials", "-n"] } else { &["-n"] };
        let mut unshare = Command::new("unshare");
        unshare.args(everybody.then_some("--map-root-user")).args(["--net", "sh", "-c", KEEPER]);
        let switch = Process::start(&mut unshare);
        switch.wait_for("ready");
        let network = Network { switch, enter };
        let cable = "ip link add try type veth && ip link del try";
        network
            .configure(&format!("ip link add sw type bridge && ip link set sw up && {cable}"))
            .then_some(network)
    }

    /// A machine at 10.77.0.NUMBER.
    pub fn machine(&self, number: usize) -> Machine {
        let mut unshare = inside(&self.switch, self.enter, "unshare");
        let keeper = Process::start(unshare.args(["--net", "sh", "-c", KEEPER]));
        keeper.wait_for("ready");
        let (pid, addr) = (keeper.child.id(), format!("10.77.0.{number}"));
        let cable = format!("ip link add port{number} type veth peer name eth0 netns {pid}");
        assert!(self.configure(&format!("{cable} && ip link set port{number} master sw up")));
        let machine = Machine { keeper, enter: self.enter, number, addr };
        let up =
            format!("ip link set lo up && ip addr add {}/24 dev eth0 && ip link set eth0 up", machine.addr);
        assert!(machine.command("sh").args(["-c", &up]).status().unwrap().success());
        machine
    }

    /// Draws a machine's cable: at the switch, whose port passes nothing on. The machine sees no loss of
    /// carrier, as with most networks that are cut. (And no kernel has to notice that a carrier is back: on
    /// a busy machine that took half a minute.)
    pub fn cut(&self, machine: &Machine) {
        assert!(self.configure(&format!("bridge link set dev port{} state 0", machine.number)));
    }

    /// Puts it back.
    pub fn mend(&self, machine: &Machine) {
        assert!(self.configure(&format!("bridge link set dev port{} state 3", machine.number)));
    }

    fn configure(&self, commands: &str) -> bool {
        let mut shell = inside(&self.switch, self.enter, "sh");
        shell.args(["-c", commands]).status().unwrap().success()
    }
}

impl Machine {
    /// A program that will run on this machine. The process started is the program itself.
    pub fn command(&self, program: &str) -> Command {
        inside(&self.keeper, self.enter, program)
    }
}

fn inside(keeper: &Process, enter: &[&str], program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["-t", &keeper.child.id().to_string()]).args(enter).arg(program);
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin:/sbin")); // `ip`, `nats-server`
    command
}
