//! The checker is checked: each case fails against a program that has the fault, and says why.

use std::sync::Mutex;
use std::thread;

use chatroom::check::{self, Kind, Outcome};

/// Case, the fault that it must see (none: as naive as the notes' program), and words of the hint it must give.
pub type Proof = (&'static str, &'static str, &'static str);

/// All proofs, by kind.
#[cfg(target_os = "linux")]
pub const PROOFS: [(Kind, &[Proof]); 7] = [
    (Kind::TcpServer, TCP_SERVER),
    (Kind::TcpClient, TCP_CLIENT),
    (Kind::UdpServer, UDP_SERVER),
    (Kind::UdpClient, UDP_CLIENT),
    (Kind::WsServer, WS_SERVER),
    (Kind::WsClient, WS_CLIENT),
    (Kind::Relay, RELAY),
];

const TCP_SERVER: &[Proof] = &[
    ("tcp-relay", "prefix", "the prefix is"),
    ("tcp-echo", "echo", "leave out the one"),
    ("tcp-bytes", "lossy", "it is bytes"),
    ("tcp-console", "no-console", "nothing reads the console"),
    ("tcp-console", "anonymous-console", "[Server]: "),
    ("tcp-order", "swallow", "drops them"),
    ("tcp-pieces", "pieces", "taken for a line"),
    ("tcp-prompt", "nagle", "TCP_NODELAY"),
    ("tcp-ipv4", "", "canonical"),
    ("tcp-in-use", "", "bind"),
    ("tcp-in-use", "in-use-exit", "bind"),
    ("tcp-restart", "no-reuse", "SO_REUSEADDR"),
    ("tcp-half-in-use", "half", "IPv4 alone"),
    ("tcp-usage", "", "unknown options"),
    ("tcp-zh", "", "notes' words"),
    ("tcp-lang", "", "order of the variables"),
    ("D1", "", "leave the loop"),
    ("D1", "console-exit", "leave the loop"),
    ("D2", "", "stop at a limit"),
    ("D2", "cut", "was relayed"),
    ("D2-exact", "short-lines", "without its line break"),
    ("D2", "long-forgotten", "stop at a limit"),
    ("D2-memory", "", "give up at the limit"),
    ("D2-memory", "long-forgotten", "give up at the limit"),
    ("D3", "", "without its line break"),
    ("D3", "no-break", "without its line break"),
    ("D4", "patient", "deadline"),
    ("D4", "", "needs a deadline"),
    ("D4-again", "patient", "use up a budget"),
    ("D4-again", "", "see D4"),
    ("D4-slow", "hasty", "stays"),
    ("D4-slow", "", "stays"),
    ("tcp-flood", "torn", "under the lock"),
    ("tcp-bustle", "fragile", "look at what each write says"),
    ("D5", "", "pause before"),
    ("D5", "silent-rest", "pause before"),
    ("D5-stop", "", "keep a spare one"),
    ("D6", "", "SIGINT isn't handled"),
    ("D6", "stop-code", "SIGINT isn't handled"),
    ("D6", "silent-stop", "silent"),
    ("D6-term", "", "SIGTERM isn't handled"),
    ("D6-stalled", "slow-stop", "a deadline"),
    ("D6-twice", "slow-stop", "another thread"),
    ("D6-pair", "", "give the end a moment"),
    ("D6-pair", "jumpy", "give the end a moment"),
    ("D7", "", "let that error pass"),
    ("D7", "uncounted", "let that error pass"),
    ("D7-stalled", "", "bounded backlog"),
    ("D7-stalled", "forgetful", "bounded backlog"),
    ("D7-stop", "", "a deadline"),
    ("D7-stop", "slow-stop", "a deadline"),
    ("D8", "", "one too many"),
    ("D8", "never-free", "one too many"),
    ("D9", "", "thread::Builder"),
    ("D12-server", "", "spell control characters out"),
    ("D12-server", "filter", "spell control characters out"),
    ("D12-server-pipe", "pipe-text", "no terminal"),
    ("tcp-crowd", "few", "of a fixed size"),
    ("tcp-churn", "leak", "by a reset"),
];

const TCP_CLIENT: &[Proof] = &[
    ("client-send", "text", "turned into text"),
    ("client-send", "mute", "not sent"),
    ("client-print", "lossy", "turned into text"),
    ("client-last-line", "lose-last", "end of input"),
    ("client-prompt", "", "TCP_NODELAY"),
    ("client-refused", "", "told as a panic"),
    ("client-usage", "", "unknown options"),
    ("client-zh", "", "notes' words"),
    ("client-interrupt", "", "kills"),
    ("client-typing", "", "insert a row"),
    ("D10", "", "shut down only the sending side"),
    ("D10", "no-half-close", "half-close"),
    ("D10-wait", "", "shorter one"),
    ("D10-wait", "impatient", "shorter one"),
    ("D10-wait", "forever", "no limit"),
    ("D11", "", "must end the program"),
    ("D11", "silent-end", "must end the program"),
    ("D11", "zero-end", "must end the program"),
    ("D11-reset", "", "taken for the end"),
    ("D12", "", "spell control characters out"),
    ("D12", "filter", "spell control characters out"),
    ("D12-pipe", "filter", "no terminal"),
    ("D13", "", "leave out that line alone"),
    ("D13", "quit-long", "leave out that line alone"),
    ("D13", "skip-long", "silently"),
    ("D13-exact", "quit-long", "reached, not exceeded"),
];

const UDP_SERVER: &[Proof] = &[
    ("udp-relay", "prefix", "the prefix is"),
    ("udp-register", "late-register", "first datagram"),
    ("udp-echo", "echo", "leave out the one"),
    ("udp-bytes", "lossy", "it is bytes"),
    ("udp-order", "swallow", "drops them"),
    ("udp-crowd", "few", "of a fixed size"),
    ("udp-gone", "gone", "ends the broadcast"),
    ("udp-harmless", "fragile", "one datagram stops"),
    ("udp-ipv4", "", "canonical"),
    ("udp-in-use", "", "bind"),
    ("udp-in-use", "in-use-exit", "bind"),
    ("udp-half-in-use", "half", "IPv4 alone"),
    ("udp-usage", "", "unknown options"),
    ("udp-zh", "", "notes' words"),
    ("D7", "", "let that error pass"),
    ("D7", "uncounted", "let that error pass"),
    ("D7-stalled", "", "bounded backlog"),
    ("D12-server", "", "spell control characters out"),
    ("D12-server", "filter", "spell control characters out"),
    ("D12-server-pipe", "filter", "no terminal"),
    ("D14", "", "shorter than"),
    ("D14-most", "", "isn't relayed"),
    ("D14-most", "big-buffer", "look at the length"),
    ("D15", "", "the server's"),
    ("D15-end", "", "add it where"),
    ("D15-empty", "", "send nothing on"),
    ("D15-empty", "skip-empty", "doesn't register"),
    ("D16", "", "needs a limit"),
    ("D16-forget", "limit", "the longest silent may go"),
    ("D16-many", "", "give it a limit"),
    ("D19", "", "SIGINT isn't handled"),
    ("D19", "stop-code", "SIGINT isn't handled"),
    ("D19", "silent-stop", "silent"),
    ("D19-term", "", "SIGTERM isn't handled"),
];

const UDP_CLIENT: &[Proof] = &[
    ("client-send", "text", "turned into text"),
    ("client-send", "mute", "not sent"),
    ("client-print", "lossy", "turned into text"),
    ("client-localhost", "ipv6", "prefer IPv4"),
    ("client-start", "", "must be told"),
    ("client-usage", "", "unknown options"),
    ("client-interrupt", "", "kills"),
    ("client-typing", "", "insert a row"),
    ("client-end", "lose-last", "is lost"),
    ("D12", "", "spell control characters out"),
    ("D12", "filter", "spell control characters out"),
    ("D12-pipe", "filter", "it is bytes"),
    ("D14", "", "cut off"),
    ("D17", "", "deaf"),
    ("D17", "quit", "go on after it"),
    ("D17", "silent", "isn't told"),
    ("D17", "chatty", "a refusal is an error"),
    ("D17-again", "", "deaf"),
    ("D18", "", "leave out that line alone"),
    ("D18", "skip-long", "silently"),
    ("D18", "no-room", "no room is left"),
    ("D18-most", "short", "far below"),
    ("D18-refused", "", "about one datagram"),
];

const WS_SERVER: &[Proof] = &[
    ("ws-handshake", "strict-head", "case doesn't matter"),
    ("ws-relay", "prefix", "the prefix is"),
    ("ws-bustle", "fragile", "look at what each write says"),
    ("ws-echo", "echo", "leave out the one"),
    ("ws-order", "one-per-read", "belongs to the next"),
    ("ws-lengths", "cut-long", "one of three ways"),
    ("ws-early", "early-lost", "hand it on"),
    ("ws-fragments", "no-fragments", "a frame with FIN"),
    ("ws-pieces", "pieces", "a whole frame"),
    ("ws-ping", "no-pong", "a pong is queued"),
    ("ws-close", "no-close", "never sent"),
    ("ws-close", "close-1000", "never sent"),
    ("ws-ipv4", "", "canonical"),
    ("ws-in-use", "", "bind"),
    ("ws-in-use", "in-use-exit", "bind"),
    ("ws-restart", "no-reuse", "SO_REUSEADDR"),
    ("ws-half-in-use", "half", "IPv4 alone"),
    ("ws-usage", "", "unknown options"),
    ("ws-zh", "", "notes' words"),
    ("D5", "", "pause before"),
    ("D7", "", "let that error pass"),
    ("D7", "uncounted", "let that error pass"),
    ("D7-stalled", "", "bounded backlog"),
    ("D8", "", "one too many"),
    ("D8-unfinished", "", "only members"),
    ("D12-server", "", "spell control characters out"),
    ("D12-server", "filter", "spell control characters out"),
    ("D12-server-pipe", "filter", "no terminal"),
    ("D20", "", "check it"),
    ("D20-breach", "", "hold clients to them"),
    ("D21", "", "stop at a limit"),
    ("D21-exact", "short", "not exceeded"),
    ("D21-memory", "", "kept until its end"),
    ("D22", "", "unchecked"),
    ("D23", "", "the server's"),
    ("D24", "", "Content-Security-Policy"),
    ("D24", "bare-page", "Content-Security-Policy"),
    ("D24-others", "", "the same answer"),
    ("D24-old", "", "HTTP/1.0 is refused"),
    ("D24-head", "", "without the body"),
    ("D24-fields", "", "one list"),
    ("D24-words", "", "at once what is wrong"),
    ("D25", "", "set one deadline"),
    ("D25", "idle-timeout", "set one deadline"),
    ("D26", "", "stop at a limit"),
    ("D26-exact", "small-head", "limit is lower"),
    ("D26-endless", "", "of the head is kept"),
    ("D27", "", "compare its Origin"),
    ("D27-allow", "", "the whole Origin"),
    ("D27-null", "", "only while listening on loopback"),
    ("D27-rebound", "", "a stranger's"),
    ("D28", "", "SIGINT isn't handled"),
    ("D28", "silent-stop", "silent"),
    ("D28", "mute-stop", "aren't told"),
    ("D28-term", "", "SIGTERM isn't handled"),
    ("D28-stalled", "", "a deadline"),
    ("D28-stalled", "slow-stop", "a deadline"),
    ("D31", "", "needs a deadline"),
    ("D31-again", "patient", "use up a budget"),
    ("D31-again", "", "see D31"),
    ("D31-slow", "hasty", "stays"),
    ("D31-slow", "", "stays"),
    ("D32", "", "closed lid"),
    ("ws-flood", "torn", "under the lock"),
    ("ws-crowd", "few", "of a fixed size"),
    ("ws-churn", "leak", "by a reset"),
];

const WS_CLIENT: &[Proof] = &[
    ("client-send", "mute", "not sent"),
    ("client-send", "newline", "with their line break"),
    ("client-send", "unmasked", "not masked"),
    ("client-print", "as-it-comes", "two line breaks"),
    ("client-lengths", "cut-long", "one of three ways"),
    ("client-fragments", "no-fragments", "a frame with FIN"),
    ("client-ping", "no-pong", "nobody answers"),
    ("client-both-ways", "torn", "under a lock"),
    ("client-wss", "", "say so"),
    ("client-refused", "", "told as a panic"),
    ("client-refusals", "", "as a panic"),
    ("client-silence", "", "no limit"),
    ("D8", "", "not looked at"),
    ("client-path", "", "told as a panic"),
    ("client-no-websocket", "", "told as a panic"),
    ("client-no-websocket", "trusting", "taken for a WebSocket"),
    ("client-usage", "", "unknown options"),
    ("client-zh", "", "notes' words"),
    ("client-interrupt", "", "kills"),
    ("client-typing", "", "insert a row"),
    ("D10", "", "doesn't say good-bye"),
    ("D10", "rude", "read on to the end"),
    ("D10-wait", "", "shorter one"),
    ("D10-wait", "impatient", "shorter one"),
    ("D10-wait", "forever", "no limit"),
    ("D11", "", "must end the program"),
    ("D11", "silent-end", "must end the program"),
    ("D11-reset", "", "taken for the end"),
    ("D11-close", "", "answer it"),
    ("D12", "", "spell control characters out"),
    ("D12", "filter", "spell control characters out"),
    ("D12-pipe", "filter", "no terminal"),
    ("D13", "", "leave out that line alone"),
    ("D13", "quit-long", "leave out that line alone"),
    ("D13", "skip-long", "silently"),
    ("D13-exact", "quit-long", "not exceeded"),
    ("D32", "", "has vanished"),
];

const RELAY: &[Proof] = &[
    ("relay-tell", "mute", "publish each line"),
    ("relay-tell", "characters", "the length is in bytes"),
    ("relay-hear", "one-line", "read just so many bytes"),
    ("relay-once", "echo", "\"echo\":false"),
    ("relay-once", "again", "don't publish it again"),
    ("relay-ping", "no-pong", "when it comes"),
    ("relay-ping", "babble", "when it comes"),
    ("relay-ping", "huge", "when it comes"),
    ("relay-pieces", "short-read", "read until you have all"),
    ("relay-pieces", "one-line", "by its length, not by lines"),
    ("relay-order", "torn", "two threads write at once"),
    ("relay-forged", "", "is a stranger, too"),
    ("relay-absent", "", "don't end the program"),
    ("relay-restart", "", "connect to the broker again"),
    ("relay-stalled", "", "bounded queue"),
];

/// How many faulty programs are tried at once: most of the time each only waits.
const AT_ONCE: usize = 6;

#[test]
fn every_tcp_server_case_can_fail() {
    every_case_can_fail(Kind::TcpServer, "tcp-server", TCP_SERVER);
}

#[test]
fn every_tcp_client_case_can_fail() {
    every_case_can_fail(Kind::TcpClient, "tcp-client", TCP_CLIENT);
}

#[test]
fn every_udp_server_case_can_fail() {
    every_case_can_fail(Kind::UdpServer, "udp-server", UDP_SERVER);
}

#[test]
fn every_udp_client_case_can_fail() {
    every_case_can_fail(Kind::UdpClient, "udp-client", UDP_CLIENT);
}

#[test]
fn every_ws_server_case_can_fail() {
    every_case_can_fail(Kind::WsServer, "ws-server", WS_SERVER);
}

#[test]
fn every_ws_client_case_can_fail() {
    every_case_can_fail(Kind::WsClient, "ws-client", WS_CLIENT);
}

#[test]
fn every_relay_case_can_fail() {
    every_case_can_fail(Kind::Relay, "relay", RELAY);
}

/// All faults of one kind of program, a few at a time; names every case that lets one pass.
pub fn every_case_can_fail(kind: Kind, subcommand: &str, faults: &[Proof]) {
    let unproven =
        check::cases(kind).into_iter().filter(|case| faults.iter().all(|fault| fault.0 != case.id));
    let problems: Mutex<Vec<String>> =
        Mutex::new(unproven.map(|case| format!("{}: no proof that it can fail", case.id)).collect());
    let queue = Mutex::new(faults.iter());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some((id, fault, hint)) = next else { break };
                    let problem = must_fail(kind, subcommand, id, fault, hint);
                    problems.lock().unwrap().extend(problem);
                }
            });
        }
    });
    let problems: Vec<String> = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// What is wrong with a case that doesn't see this fault.
fn must_fail(kind: Kind, subcommand: &str, id: &str, fault: &str, hint: &str) -> Option<String> {
    let cases = check::cases(kind);
    let Some(case) = cases.iter().find(|case| case.id == id) else {
        return Some(format!("{id}: there is no such case"));
    };
    let target = crate::faulty(subcommand, fault);
    // Some faults are races: on a busy machine one may stay hidden once, or twice.
    let seen = (0..3).map(|_| case.check(&target)).find(|outcome| !matches!(outcome, Outcome::Passed));
    match seen.unwrap_or(Outcome::Passed) {
        Outcome::Passed => Some(format!("{id}: passes with the fault \"{fault}\"")),
        Outcome::Failed(report) if report.hint.contains(hint) => None,
        Outcome::Failed(report) => {
            Some(format!("{id}: fails with the fault \"{fault}\", but for another reason:\n{report}"))
        }
        Outcome::NotChecked(reason) => {
            eprintln!("{id}: not checked here: {reason}");
            None
        }
    }
}
