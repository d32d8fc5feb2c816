//! Chromium, driven over its DevTools protocol: just enough of it for the browser tests.
//!
//! The protocol is JSON over a WebSocket: `{"id", "method", "params"}` there, a result with the
//! same `id` back, and events in between. Blocking, one call at a time, it takes the WebSocket
//! package that the program has anyway and a JSON package. (Of the browser-testing crates without
//! async the smallest brings a hundred packages, a TLS stack among them, and drops events that
//! its own list of types doesn't know: a test for "no errors" would not notice.)
#![allow(clippy::expect_used, clippy::panic)]

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// How long any wait may take before it counts as a failure. It only has to be longer than
/// a browser needs on a machine that is busy with other tests; nothing waits it out in vain.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A browser of several processes is enough at a time for the two cores of a small machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A running Chromium with a fresh profile; ends with its value.
pub struct Chromium {
    process: Child,
    profile: PathBuf,
    devtools: DevTools,
    port: u16,
    _turn: MutexGuard<'static, ()>,
}

impl Chromium {
    /// Starts Chromium in this language (`en-US`, `zh-CN`). None if there is none on this
    /// machine, which is said, or a failure where the environment insists on one.
    #[track_caller]
    pub fn start(language: &str) -> Option<Self> {
        let Some(program) = find_chromium() else {
            let what = "no Chromium found: set CHROME to its path, or install it as `chromium`";
            assert!(env::var_os("CHATROOM_REQUIRE_BROWSER").is_none(), "{what}");
            skipped(what);
            return None;
        };
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = fresh_profile();
        let mut process = launch(&program, language, &profile);
        let (port, path) = wait_for_port(&mut process, &profile);
        let devtools = DevTools::connect(port, &path);
        Some(Self { process, profile, devtools, port, _turn: turn })
    }

    /// A new tab with this page.
    #[track_caller]
    pub fn open(&mut self, url: impl Display) -> Tab {
        let mut tab = self.blank_tab();
        tab.navigate(url);
        tab
    }

    /// A new tab that shows nothing yet, for what must be set before the page loads.
    #[track_caller]
    pub fn blank_tab(&mut self) -> Tab {
        let target = self.devtools.call("Target.createTarget", json!({ "url": "about:blank" }));
        let id = target["targetId"].as_str().expect("DevTools: a new tab has an id");
        let devtools = DevTools::connect(self.port, &format!("/devtools/page/{id}"));
        let mut tab = Tab { devtools };
        tab.call("Page.enable", json!({}));
        tab.call("Runtime.enable", json!({}));
        tab.call("Log.enable", json!({}));
        // Every tab shall believe that it is the one in front, or only one could have the focus.
        tab.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        tab
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Asked to close, it takes its helper processes along; killed, it leaves them a while.
        self.devtools.send("Browser.close", json!({}));
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// Says that a test was skipped, past the test harness, which keeps the output of tests that pass.
pub fn skipped(why: &str) {
    let _ = writeln!(io::stderr(), "skipped: {why}");
}

/// `$CHROME`, else the first of the usual names in `$PATH`.
fn find_chromium() -> Option<PathBuf> {
    if let Some(chrome) = env::var_os("CHROME") {
        return Some(PathBuf::from(chrome));
    }
    let path = env::var_os("PATH")?;
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |dir| dir.join(name)))
        .find(|candidate| candidate.is_file())
}

fn fresh_profile() -> PathBuf {
    let nanos = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
    let profile = env::temp_dir().join(format!("chatroom-browser-{}-{nanos}", process::id()));
    fs::create_dir(&profile).expect("a directory for Chromium's profile");
    profile
}

#[track_caller]
fn launch(program: &Path, language: &str, profile: &Path) -> Child {
    let profile = format!("--user-data-dir={}", profile.display());
    Command::new(program)
        .args(["--headless", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"])
        // The pages come from this machine only, and the sandbox doesn't work for root (CI).
        .arg("--no-sandbox")
        .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
        .args(["--disable-component-update", "--disable-extensions", "--hide-scrollbars"])
        .arg(format!("--lang={language}"))
        .arg(format!("--accept-lang={language}"))
        .args(["--remote-debugging-port=0", &profile, "about:blank"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()))
}

/// Chromium writes the port that it found, and its own path there, into a file of its profile.
#[track_caller]
fn wait_for_port(process: &mut Child, profile: &Path) -> (u16, String) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let file = fs::read_to_string(profile.join("DevToolsActivePort")).unwrap_or_default();
        if let Some((port, path)) = file.split_once('\n') {
            let port = port.parse().expect("DevToolsActivePort begins with a port");
            return (port, path.trim().to_owned());
        }
        if let Ok(Some(status)) = process.try_wait() {
            panic!("Chromium ended at once, {status}: does `chromium --headless` work here?");
        }
        assert!(Instant::now() < deadline, "Chromium was not ready within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// One connection to the browser or to one of its tabs.
struct DevTools {
    socket: WebSocket<Wire>,
    last_id: u64,
    /// What the page did that it should not have: errors in the console, dialogs.
    complaints: Vec<String>,
}

/// A socket whose reads are not cut short by a signal, as reads with a time-out are.
struct Wire(TcpStream);

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl DevTools {
    #[track_caller]
    fn connect(port: u16, path: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("connect to Chromium");
        stream.set_read_timeout(Some(PATIENCE)).expect("set a time-out");
        let url = format!("ws://127.0.0.1:{port}{path}");
        let (socket, _) = tungstenite::client(url, Wire(stream)).expect("DevTools handshake");
        Self { socket, last_id: 0, complaints: Vec::new() }
    }

    fn send(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        let request = json!({ "id": self.last_id, "method": method, "params": params });
        // If Chromium is gone, the answer that doesn't come tells.
        let _ = self.socket.send(Message::text(request.to_string()));
        self.last_id
    }

    #[track_caller]
    fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        loop {
            let mut message = match self.socket.read() {
                Ok(Message::Text(text)) => serde_json::from_str(&text).unwrap_or(Value::Null),
                Ok(_) => continue,
                Err(error) => panic!("Chromium did not answer {method}: {error}"),
            };
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method} failed: {}", message["error"]);
                return message["result"].take();
            }
            self.note(&message);
        }
    }

    /// Keeps from an event what a page should not do.
    fn note(&mut self, event: &Value) {
        let params = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => {
                let details = &params["exceptionDetails"];
                self.complaints
                    .push(format!("uncaught: {} {}", details["text"], details["exception"]["description"]));
            }
            "Runtime.consoleAPICalled" if params["type"] == "error" || params["type"] == "warning" => {
                self.complaints.push(format!("console.{}: {}", params["type"], params["args"]));
            }
            "Log.entryAdded"
                if params["entry"]["level"] == "error" || params["entry"]["level"] == "warning" =>
            {
                let about = |key: &str, end| params["entry"][key].as_str().is_some_and(|is| is.contains(end));
                if about("url", "/icon.svg") && about("text", "net::ERR_") {
                    return; // fetched at leisure, and the room was closed meanwhile
                }
                self.complaints.push(format!("{} {}", params["entry"]["text"], params["entry"]["url"]));
            }
            "Page.javascriptDialogOpening" => {
                self.complaints.push(format!("a dialog opened: {}", params["message"]));
                self.send("Page.handleJavaScriptDialog", json!({ "accept": true })); // or all would stand still
            }
            _ => {}
        }
    }
}

/// One tab of the browser, and the person in front of it.
pub struct Tab {
    devtools: DevTools,
}

impl Tab {
    /// A method of the DevTools protocol, for what has no function here.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.devtools.call(method, params)
    }

    /// Goes to this address.
    #[track_caller]
    pub fn navigate(&mut self, url: impl Display) {
        let answer = self.call("Page.navigate", json!({ "url": url.to_string() }));
        assert!(answer["errorText"].is_null(), "{url} does not load: {}", answer["errorText"]);
    }

    /// What this JavaScript expression is in the page.
    #[track_caller]
    pub fn js(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", params);
        let exception = &answer["exceptionDetails"];
        assert!(exception.is_null(), "in the page, {expression} throws: {exception}");
        answer["result"]["value"].take()
    }

    /// Waits until this JavaScript expression is true in the page.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        // While a page loads there may be no body yet: then the answer is "not yet".
        let guarded =
            format!("(() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }})()");
        while self.js(&guarded) != true {
            if Instant::now() > deadline {
                let seen = self.js("document.body.innerText");
                panic!("waited {PATIENCE:?} in vain: {what}\nthe page shows: {seen}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types this text where the focus is.
    #[track_caller]
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Presses the Enter key.
    #[track_caller]
    pub fn press_enter(&mut self) {
        self.press(&json!({ "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13 }));
    }

    /// Presses the key that these parameters of the protocol name.
    #[track_caller]
    pub fn press(&mut self, key: &Value) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = key.clone();
            event["type"] = json!(kind);
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Clicks in the middle of this element with the mouse.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let middle = format!(
            "(() => {{ const r = document.querySelector({selector:?}).getBoundingClientRect();
               return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        );
        let middle = self.js(&middle);
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// What has gone wrong in this page so far: console errors, breaches of its security policy, dialogs.
    #[track_caller]
    pub fn complaints(&mut self) -> Vec<String> {
        self.js("0"); // events arrive in order: what happened before this answer has come by now
        std::mem::take(&mut self.devtools.complaints)
    }
}
