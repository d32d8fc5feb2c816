//! The chat page in a real browser, against the real server.
//!
//! Each test starts a Chromium and a room of its own. Nothing sleeps to be on the safe side:
//! every wait is for something that can be seen in the page.
#![allow(clippy::expect_used, clippy::panic)]

use std::io::{self, BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tungstenite::{Message, WebSocket};

use crate::chromium::{Chromium, PATIENCE, Tab, skipped};

/// A `chatroom ws-server`; ends with its value.
struct Room {
    server: Child,
    address: String,
}

impl Room {
    #[track_caller]
    fn open() -> Self {
        Self::open_with(&[])
    }

    #[track_caller]
    fn open_with(options: &[&str]) -> Self {
        Self::try_open("127.0.0.1:0", options).expect("the server says its address")
    }

    /// None if the server ended without a banner: its address is taken.
    #[track_caller]
    fn try_open(address: &str, options: &[&str]) -> Option<Self> {
        let mut server = Command::new(env!("CARGO_BIN_EXE_chatroom"))
            .args(["ws-server", address, "--lang", "en"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut out = BufReader::new(server.stdout.take().expect("its stdout"));
        let mut banner = String::new();
        out.read_line(&mut banner).expect("its banner");
        let Some(address) = address_in(&banner) else {
            let _ = server.wait();
            return None;
        };
        // Its chat lines are nobody's business here, but someone has to read them.
        thread::spawn(move || io::copy(&mut out, &mut io::sink()));
        Some(Self { server, address })
    }

    /// The same address again. The system may need a moment, or have lent out the port meanwhile.
    #[track_caller]
    fn reopen(address: &str) -> Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(room) = Self::try_open(address, &[]) {
                return room;
            }
            assert!(Instant::now() < deadline, "{address} did not become free within {PATIENCE:?}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Someone in the room without a browser.
    #[track_caller]
    fn join(&self) -> Guest {
        let stream = TcpStream::connect(&self.address).expect("connect to the room");
        stream.set_read_timeout(Some(PATIENCE)).expect("set a time-out");
        let (socket, _) =
            tungstenite::client(format!("ws://{}/ws", self.address), stream).expect("join the room");
        Guest { socket }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// `127.0.0.1:50000` out of a banner that contains it.
fn address_in(banner: &str) -> Option<String> {
    let start = banner.find("127.0.0.1:")?;
    let address = banner[start..].split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'));
    address.map(str::to_owned).next()
}

struct Guest {
    socket: WebSocket<TcpStream>,
}

impl Guest {
    #[track_caller]
    fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).expect("send to the room");
    }

    #[track_caller]
    fn hears(&mut self) -> String {
        let message = self.socket.read();
        let message =
            message.unwrap_or_else(|error| panic!("nothing came from the room in {PATIENCE:?}: {error}"));
        message.into_text().expect("a text message").to_string()
    }

    fn address(&self) -> String {
        self.socket.get_ref().local_addr().expect("its own address").to_string()
    }
}

/// What a person does and sees on the chat page.
trait ChatPage {
    fn wait_for_connection(&mut self);
    fn wait_for_message(&mut self, text: &str);
    fn wait_for_status(&mut self, part: &str);
    fn say(&mut self, text: &str);
    fn texts(&mut self) -> Vec<String>;
    fn assert_no_complaints(&mut self);
    fn assert_box_empty_and_focused(&mut self);
}

impl ChatPage for Tab {
    #[track_caller]
    fn wait_for_connection(&mut self) {
        self.wait_until(
            "the status line says connected",
            "document.querySelector('#status').dataset.state === 'connected'",
        );
    }

    #[track_caller]
    fn wait_for_message(&mut self, text: &str) {
        let shown =
            format!("[...document.querySelectorAll('.text')].some((e) => e.textContent === {})", json!(text));
        self.wait_until(&format!("the message {text:?} is shown"), &shown);
    }

    #[track_caller]
    fn wait_for_status(&mut self, part: &str) {
        let says = format!("document.querySelector('#status').textContent.includes({})", json!(part));
        self.wait_until(&format!("the status line says {part:?}"), &says);
    }

    #[track_caller]
    fn say(&mut self, text: &str) {
        self.type_text(text);
        self.press_enter();
        self.wait_for_message(text);
    }

    #[track_caller]
    fn texts(&mut self) -> Vec<String> {
        let texts = self.js("[...document.querySelectorAll('.text')].map((e) => e.textContent)");
        serde_json::from_value(texts).expect("a list of strings")
    }

    #[track_caller]
    fn assert_no_complaints(&mut self) {
        let complaints = self.complaints();
        assert!(complaints.is_empty(), "the browser's console should stay empty, but has: {complaints:#?}");
    }

    #[track_caller]
    fn assert_box_empty_and_focused(&mut self) {
        assert_eq!(
            self.js("document.querySelector('#message').value"),
            "",
            "the box is empty once its message is sent"
        );
        let focused = self.js("document.activeElement.id");
        assert_eq!(
            focused, "message",
            "the focus stays in the box, so that the next message can be typed at once"
        );
    }
}

#[track_caller]
fn enter(browser: &mut Chromium, url: &str) -> Tab {
    let mut tab = browser.open(url);
    tab.wait_for_connection();
    tab.wait_until("the box has the focus from the start", "document.activeElement === box");
    tab
}

#[test]
fn two_tabs_chat() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let (mut ann, mut ben) = (enter(&mut browser, &room.url()), enter(&mut browser, &room.url()));

    ann.say("hello, is anyone here?");
    ben.wait_for_message("hello, is anyone here?");
    ben.say("yes: [1.2.3.4:5]: I am"); // what looks like an address in a message belongs to the message
    ann.wait_for_message("yes: [1.2.3.4:5]: I am");

    for tab in [&mut ann, &mut ben] {
        let own = tab.js("document.querySelectorAll('.message.own').length");
        assert_eq!(own, 1, "of the two messages one is the page's own, shown once and as such");
        let sender = tab.js("document.querySelector('.message:not(.own) .sender').textContent");
        let sender = sender.as_str().expect("the other's address stands in an element of its own");
        assert!(sender.starts_with("127.0.0.1:"), "the other is called by address, not {sender:?}");
        tab.assert_box_empty_and_focused();
        tab.assert_no_complaints();
    }
}

#[test]
fn enter_and_button_send_one_line() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut guest = room.join();
    let mut page = enter(&mut browser, &room.url());

    page.press_enter(); // an empty box sends nothing: the guest hears "by Enter" first
    page.say("by Enter");
    page.assert_box_empty_and_focused();
    page.type_text("by the button");
    page.click("#send");
    page.wait_for_message("by the button");
    page.assert_box_empty_and_focused();

    for text in ["by Enter", "by the button"] {
        let heard = guest.hears();
        assert!(
            heard.ends_with(&format!("]: {text}\n")),
            "the room hears {text:?} as one line, not {heard:?}"
        );
    }
    page.assert_no_complaints();
}

#[test]
fn enter_during_composition_does_not_send() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut page = enter(&mut browser, &room.url());

    page.call("Input.imeSetComposition", json!({ "text": "nihao", "selectionStart": 5, "selectionEnd": 5 }));
    page.press_enter(); // it chooses among the input method's words
    let texts = page.texts();
    assert!(texts.is_empty(), "Enter during composition must not send, but {texts:?} was sent");
    page.js("document.querySelector('#message').value = ''");
    page.say("你好");
    assert_eq!(page.texts(), ["你好"], "what was composed is sent by the Enter after it, and nothing before");
    page.assert_no_complaints();
}

#[test]
fn too_long_a_message_stays_in_the_box() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut guest = room.join();
    let mut page = enter(&mut browser, &room.url());

    // 64 KiB of UTF-8 is the most the room takes: a third as many Chinese characters.
    page.js("document.querySelector('#message').value = '好'.repeat(21846)");
    page.press_enter();
    page.wait_for_status("65538");
    assert_eq!(
        page.js("document.querySelector('#message').value.length"),
        21846,
        "it can still be shortened"
    );
    page.js("document.querySelector('#message').value = '好'.repeat(21845) + '!'");
    page.press_enter();
    let heard = guest.hears();
    assert!(heard.ends_with("好!\n"), "the longest message that fits is sent, in one piece");
    page.wait_for_status("Connected");
    page.assert_box_empty_and_focused();
    page.assert_no_complaints();
}

#[test]
fn markup_is_text() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut guest = room.join();
    let mut page = enter(&mut browser, &room.url());

    let hostile = [
        "<img src=x onerror=\"document.title='owned'\">",
        "<script>document.title='owned'</script>",
        "</p></main><h1>room closed</h1>&lt;&amp;",
    ];
    for markup in hostile {
        guest.say(markup);
    }
    page.wait_until("the guest's three messages are shown", "log.childElementCount === 3");
    page.type_text(hostile[0]); // one's own message too
    page.press_enter();
    page.wait_until("the page's own message is shown", "log.childElementCount === 4");

    let expected = [hostile[0], hostile[1], hostile[2], hostile[0]];
    assert_eq!(page.texts(), expected, "markup is shown letter by letter");
    let elements = page.js("document.querySelectorAll('img, main script, h1:not(#title)').length");
    assert_eq!(elements, 0, "a message must never become an element of the page");
    assert_eq!(page.js("document.title"), "Chatroom", "no script in a message may run");
    page.assert_no_complaints();
}

#[test]
fn unusual_messages_are_shown() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let mut page = browser.blank_tab();
    let room = Room::open();
    page.navigate(room.url());
    page.wait_for_connection();

    page.js(
        "receive('[[::1]:50000]: over IPv6\\n'); receive('not in the form\\n'); receive('[1.2.3.4:5]: \\n');
         receive('[Server 1.2.3.4:8080]: from elsewhere\\n')",
    );
    page.wait_until("four messages are shown", "document.querySelectorAll('.message').length === 4");
    assert_eq!(page.texts(), ["over IPv6", "not in the form", "", "from elsewhere"]);
    let senders = page.js("[...document.querySelectorAll('.message')].map((e) => e.querySelector('.sender')?.textContent ?? null)");
    assert_eq!(senders, json!(["[::1]:50000", null, "1.2.3.4:5", "Server 1.2.3.4:8080"]));
    page.assert_no_complaints();
}

#[test]
fn a_lost_server_is_found_again() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let (address, url) = (room.address.clone(), room.url());
    let mut page = enter(&mut browser, &url);

    drop(room);
    page.wait_for_status("Connection lost");
    page.type_text("written while alone");
    page.press_enter();
    page.wait_for_status("not sent");
    let kept = page.js("document.querySelector('#message').value");
    assert_eq!(kept, "written while alone", "what was typed without a connection must not be lost");

    let room = Room::reopen(&address);
    page.wait_for_connection();
    let mut guest = room.join();
    page.press_enter(); // the text still stands in the box
    let heard = guest.hears();
    assert!(
        heard.ends_with("]: written while alone\n"),
        "after reconnecting the page chats again, not {heard:?}"
    );
    guest.say("welcome back");
    page.wait_for_message("welcome back");

    // Chromium itself logs each refused connection. Anything else, a dialog above all, is a fault.
    let mut complaints = page.complaints();
    complaints
        .retain(|complaint| !(complaint.contains("WebSocket connection to") && complaint.contains("failed")));
    assert!(
        complaints.is_empty(),
        "a lost connection is told in the status line only, not by {complaints:#?}"
    );
}

#[test]
fn when_the_network_is_back_it_does_not_wait() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let mut room = Room::open();
    let mut page = enter(&mut browser, &room.url());

    for event in
        ["window.dispatchEvent(new Event('online'))", "document.dispatchEvent(new Event('visibilitychange'))"]
    {
        page.js("retryMs = 3_600_000"); // left to itself it would wait an hour
        let address = room.address.clone();
        drop(room);
        page.wait_for_status("Connection lost at");
        assert_eq!(page.js("retryMs"), 5_000, "no later try waits longer than 5 s");
        room = Room::reopen(&address);
        page.js(event);
        page.wait_for_connection();
        assert_eq!(page.js("retryMs"), 500, "after a success the next loss begins with a short wait again");
    }
    page.assert_no_complaints();
}

#[test]
fn a_loss_is_told_by_the_box_and_marked_in_the_conversation() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let address = room.address.clone();
    let mut page = enter(&mut browser, &room.url());
    let look = "[status.dataset.state, getComputedStyle(status).backgroundColor !== 'rgba(0, 0, 0, 0)',
                 box.getBoundingClientRect().top - status.getBoundingClientRect().bottom < 20]";
    let look = format!("((status) => {look})(document.querySelector('#status'))");
    assert_eq!(page.js(&look), json!(["connected", false, true]), "all is well, and says so by the box");

    page.say("before");
    drop(room);
    page.wait_for_status("Connection lost at");
    assert_eq!(page.js(&look), json!(["trouble", true, true]), "a loss stands out, right above the box");
    page.type_text("a draft");
    let _room = Room::reopen(&address);
    page.wait_for_connection();
    page.wait_for_status("Connected again. What you wrote is still in the box.");
    page.press_enter();
    page.wait_for_message("a draft");
    let status = page.js("document.querySelector('#status').textContent");
    assert_eq!(status, "Connected", "the draft is sent: nothing is left in the box to speak of");

    let entries = page.js("[...log.children].map((e) => e.className)");
    assert_eq!(
        entries,
        json!(["message own", "gap", "message own"]),
        "the mark stands where something may be missing, and the address is shown again after it"
    );
    let gap = page.js("document.querySelector('.gap').textContent");
    let gap = gap.as_str().expect("the mark has words");
    let (times, rest) = gap.split_once("M. ").expect("times and a sentence");
    assert!(times.starts_with("No connection") && times.matches(':').count() >= 2, "{times:?}: its times");
    assert_eq!(rest, "What others said then is missing.", "nothing was sent while nobody could know");
}

#[test]
fn a_full_room_is_joined_when_there_is_a_place() {
    let Some(mut browser) = Chromium::start("zh-CN") else { return };
    let room = Room::open_with(&["--max-clients", "2"]);
    let (mut guest, other) = (room.join(), room.join());
    let mut page = browser.open(room.url());
    page.wait_for_status("聊天室已满");
    page.js("window.said = []; new MutationObserver(() => said.push(statusLine.textContent))
           .observe(statusLine, { childList: true })");
    page.wait_until("the page has tried again and again, ever more slowly", "retryMs === 5000");
    assert_eq!(page.js("said"), json!([]), "a try that finds the room still full is not announced");
    page.type_text("等一下");
    page.press_enter();
    page.wait_for_status("没有发出");

    drop(other);
    page.wait_for_connection();
    assert_eq!(page.js("document.querySelectorAll('.gap').length"), 0, "who was never in has missed nothing");
    page.press_enter();
    assert!(guest.hears().ends_with("]: 等一下\n"), "with a place one can speak");
    page.assert_no_complaints();
}

#[test]
fn a_browser_without_network_says_so() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut page = enter(&mut browser, &room.url());
    let network = |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });

    page.call("Network.enable", json!({}));
    page.call("Network.emulateNetworkConditions", network(true));
    page.wait_for_status("no network");
    page.type_text("into the void");
    page.press_enter();
    page.wait_for_status("not sent");
    page.call("Network.emulateNetworkConditions", network(false));
    page.wait_for_status("Connected again");
    page.wait_until("the gap is marked", "document.querySelectorAll('.gap').length === 1");
}

#[test]
fn after_a_sleep_it_connects_afresh() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut page = enter(&mut browser, &room.url());

    page.js("window.earlier = socket; watch()");
    assert_eq!(page.js("socket === earlier && joined"), true, "who is awake keeps the connection");
    // A clock that stood still for an hour is all that a page sees of a sleep.
    page.js("watchedAt -= 3_600_000; document.dispatchEvent(new Event('visibilitychange'))");
    page.wait_for_status("Connected again");
    assert_eq!(page.js("socket !== earlier"), true, "an hour later the old connection can't be trusted");
    page.wait_until("the hour is marked", "document.querySelectorAll('.gap').length === 1");
    page.assert_no_complaints();
}

#[cfg(unix)]
#[test]
fn a_server_that_has_stopped_is_noticed() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut page = enter(&mut browser, &room.url());
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &room.server.id().to_string()]).status();
        assert!(sent.expect("kill runs").success(), "the server gets {name}");
    };
    // The page looks every 5 s, and asks if it has heard nothing since; here it looks when told to.
    let look = "watch(); watch()";

    let joined_at = page.js("aliveAt");
    page.js(look);
    page.wait_until("the server answers", &format!("aliveAt > {joined_at}"));
    assert_eq!(page.js("joined"), true, "a server that answers is alive");

    signal("-STOP");
    page.say("are you there?"); // it looks sent: the system has taken it
    page.js("((timeout) => AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 20))(AbortSignal.timeout)");
    page.js(look);
    page.wait_for_status("What you sent since then may not have arrived.");
    signal("-CONT");
    page.wait_for_status("Connected again");
    page.wait_until(
        "the mark tells of the message that nobody may have heard",
        "document.querySelector('.gap').textContent.includes('what you sent may not have arrived')",
    );
    page.assert_no_complaints();
}

#[test]
fn the_page_works_as_a_file() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    // A file can't know of any server but the default one, so this test needs the default port.
    let free = TcpListener::bind("127.0.0.1:8080").is_ok();
    let Some(room) = free.then(|| Room::try_open("127.0.0.1:8080", &[])).flatten() else {
        skipped("port 8080 is taken, and a page opened as a file knows no other");
        return;
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/index.html");
    let mut page = enter(&mut browser, &format!("file://{}", file.display()));
    let mut guest = room.join();

    page.say("from a file");
    let heard = guest.hears();
    assert!(heard.ends_with("]: from a file\n"), "the page opened as a file can send, not {heard:?}");
    guest.say("to a file");
    page.wait_for_message("to a file");
    page.assert_no_complaints();
}

#[test]
fn the_page_speaks_chinese() {
    let Some(mut browser) = Chromium::start("zh-CN") else { return };
    let room = Room::open();
    let mut page = enter(&mut browser, &room.url());
    page.say("大家好");
    assert_words(&mut page, json!(["zh-CN", "聊天室", "聊天室", "已连接", "发送", "输入消息", "消息", "我"]));
}

#[test]
fn the_page_speaks_english() {
    let Some(mut browser) = Chromium::start("de-DE") else { return }; // English is for all the rest
    let room = Room::open();
    let mut page = enter(&mut browser, &room.url());
    page.say("hello");
    assert_words(
        &mut page,
        json!(["en", "Chatroom", "Chatroom", "Connected", "Send", "Write a message", "Message", "You"]),
    );
}

#[track_caller]
fn assert_words(page: &mut Tab, expected: serde_json::Value) {
    let words = page.js(
        "((text) => [document.documentElement.lang, document.title, text('h1'), text('#status'), text('#send'),
            document.querySelector('#message').placeholder, text('label'), text('.own .sender')])
         ((selector) => document.querySelector(selector)?.textContent)",
    );
    assert_eq!(words, expected, "the page's language follows the browser's");
    // Each word exists in both languages: a word missing in one would be shown as "undefined".
    let same = page.js("Object.keys(WORDS.en).join() === Object.keys(WORDS.zh).join()");
    assert_eq!(same, true, "every text of the page exists in both languages");
    page.assert_no_complaints();
}

#[test]
fn the_newest_message_is_in_view_unless_one_reads_above() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut guest = room.join();
    let mut page = enter(&mut browser, &room.url());
    let at_end = "log.scrollHeight - log.clientHeight - log.scrollTop < 2";

    for n in 1..=60 {
        guest.say(&format!("line {n}"));
    }
    page.wait_for_message("line 60");
    page.wait_until("the list follows to its end", at_end);

    page.js("log.scrollTop = 100");
    page.wait_until("the page has noticed the scrolling", "!following");
    guest.say("line 61");
    page.wait_for_message("line 61");
    assert_eq!(page.js("log.scrollTop"), 100, "who has scrolled up to read must be left there");
    page.wait_until("a button tells of new messages", "newest.checkVisibility()");

    page.click("#newest");
    page.wait_until("the button leads to the newest message", at_end);
    assert_eq!(page.js("newest.checkVisibility()"), false, "at the end the button is not needed");
    guest.say("line 62");
    page.wait_for_message("line 62");
    page.wait_until("the list follows again", at_end);
    page.assert_no_complaints();
}

#[test]
fn a_flood_does_not_grow_the_page() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut guest = room.join();
    let mut page = enter(&mut browser, &room.url());

    for n in 1..=5_000 {
        guest.say(&format!("flood {n}"));
    }
    page.wait_for_message("flood 5000");
    let kept = page.js("log.childElementCount").as_u64().expect("a count");
    assert!(kept <= 1_000, "at most 1,000 messages are kept, but there are {kept}");

    for _ in 0..40 {
        guest.say(&"long ".repeat(12_000));
    }
    guest.say("the end");
    page.wait_for_message("the end");
    let chars = page.js("log.textContent.length").as_u64().expect("a length");
    assert!(chars <= 1_100_000, "about a million characters are kept, but there are {chars}");
    page.assert_no_complaints();
}

#[test]
fn it_fits_a_phone() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut guest = room.join();
    let mut page = browser.blank_tab();
    let phone = json!({ "width": 320, "height": 568, "deviceScaleFactor": 2, "mobile": true });
    page.call("Emulation.setDeviceMetricsOverride", phone);
    page.navigate(room.url());
    page.wait_for_connection();

    guest.say(&"onewordwithoutend".repeat(40));
    guest.say("[short]");
    page.wait_for_message("[short]");
    let sideways = page.js("[document.documentElement, log].some((e) => e.scrollWidth > e.clientWidth)");
    assert_eq!(sideways, false, "on a phone nothing may be wider than the screen");
    assert_eq!(
        page.js("document.documentElement.scrollHeight <= innerHeight"),
        true,
        "only the list scrolls"
    );
    let size = page.js("parseFloat(getComputedStyle(box).fontSize)").as_f64().expect("a size");
    assert!(size >= 16.0, "below 16 px a phone zooms into the box, and it has {size}");
    let bottom = page.js("document.querySelector('#send').getBoundingClientRect().bottom <= innerHeight");
    assert_eq!(bottom, true, "the button to send is on the screen");
    let sender = page.js("document.querySelector('.sender').textContent");
    assert_eq!(sender, guest.address(), "the sender's address is shown in full");
    page.assert_no_complaints();
}

#[test]
fn unread_messages_are_counted_in_the_title() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut guest = room.join();
    let mut page = enter(&mut browser, &room.url());
    let look = |page: &mut Tab, hidden: bool| {
        page.js(&format!(
            "Object.defineProperty(document, 'hidden', {{ get: () => {hidden}, configurable: true }})"
        ));
        page.js("document.dispatchEvent(new Event('visibilitychange'))");
    };

    guest.say("seen");
    page.wait_for_message("seen");
    look(&mut page, true);
    guest.say("one");
    guest.say("two");
    page.wait_until("the title counts", "document.title === '(2) Chatroom'");
    for n in 0..200 {
        guest.say(&format!("more {n}"));
    }
    page.wait_for_message("more 199");
    assert_eq!(page.js("document.title"), "(99+) Chatroom", "a flood does not write every number");
    look(&mut page, false);
    assert_eq!(page.js("document.title"), "Chatroom", "who looks at the page has read it");
    page.assert_no_complaints();
}

#[test]
fn a_row_of_messages_has_one_address_and_each_its_time() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let (mut ann, mut ben) = (room.join(), room.join());
    let mut page = enter(&mut browser, &room.url());
    let addresses = "[...document.querySelectorAll('.sender')].filter((e) => e.checkVisibility()).map((e) => e.textContent)";

    for text in ["one", "two"] {
        ann.say(text);
        page.wait_for_message(text);
    }
    ben.say("three");
    page.wait_for_message("three");
    page.say("four");
    page.say("five");
    ann.say("six");
    page.wait_for_message("six");
    assert_eq!(page.js(addresses), json!([ann.address(), ben.address(), "You", ann.address()]));
    let times = page.js(
        "[...document.querySelectorAll('time')].filter((e) => /^\\d+:\\d\\d( [AP]M)?$/.test(e.textContent)).length",
    );
    assert_eq!(times, 6, "each message tells when it came");

    for n in 0..1_500 {
        ann.say(&format!("more {n}"));
    }
    page.wait_for_message("more 1499");
    assert_eq!(page.js(addresses), json!([ann.address()]), "the oldest that is kept has its address");
    page.assert_no_complaints();
}

#[test]
fn page_up_in_the_box_scrolls_the_conversation() {
    let Some(mut browser) = Chromium::start("en-US") else { return };
    let room = Room::open();
    let mut guest = room.join();
    let mut page = enter(&mut browser, &room.url());
    let at_end = "log.scrollHeight - log.clientHeight - log.scrollTop < 2";
    for n in 1..=60 {
        guest.say(&format!("line {n}"));
    }
    page.wait_for_message("line 60");
    page.wait_until("the list follows to its end", at_end);

    page.type_text("a draft");
    page.press(&json!({ "key": "PageUp", "code": "PageUp", "windowsVirtualKeyCode": 33 }));
    page.wait_until("a page further up, and a bit of the last one", "log.scrollTop > 0 && !following");
    let screens = page.js("(log.scrollHeight - log.clientHeight - log.scrollTop) / log.clientHeight");
    let screens = screens.as_f64().expect("a number");
    assert!((0.8..1.0).contains(&screens), "one screen at a time, but {screens} were scrolled");
    page.press(&json!({ "key": "PageDown", "code": "PageDown", "windowsVirtualKeyCode": 34 }));
    page.wait_until("and back", at_end);
    assert_eq!(page.js("[document.activeElement.id, box.value]"), json!(["message", "a draft"]));
    page.assert_no_complaints();
}
