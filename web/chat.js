"use strict";
// The chat page. It reads from top to bottom, in the notes' order:
//   The connection   new WebSocket, onmessage, onclose; trying again; is it still alive?
//   Receiving        from the line the room sends to the queue of what is to be shown
//   Showing          the list of messages, its end, its limits
//   Sending          the box and the button
//   The status line  what is said above the box, and in the tab's title
//   The words        in both languages
// and the last line begins: connect().

const statusLine = document.getElementById("status");
const log = document.getElementById("log");
const newest = document.getElementById("newest");
const form = document.getElementById("form");
const box = document.getElementById("message");

// --- The connection -------------------------------------------------------------------

const ROOM = roomAddress();
const ROOM_FULL = 1013; // "try again later", as a close code (D8)

// After a loss: try again soon, then ever more slowly, but never let anyone wait longer
// than this for a room that is back.
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 5000;

// A full room opens the connection only to close it: so one is in when it has stayed open this long.
const STAYS_OPEN_MS = 200;

// How often to look whether the room has said anything, and how long it may take to answer.
const WATCH_MS = 5000;
const ANSWER_MS = 10_000;

// Browsers let a hidden page's clock tick once a minute. A longer silence was a sleep, and
// after 60 s the room has given up who didn't answer it (D32).
const ASLEEP_MS = 75_000;

let socket = null;
let joined = false; // in the room
let lostAt = 0; // when the room was lost; 0 if it never was
let aliveAt = 0; // when it last gave a sign of life
let retryMs = FIRST_RETRY_MS;
let timer = 0; // for the one thing that is next: to join, to give up a try, or to try again

// ANCHOR: connect
function connect() {
  socket = new WebSocket(ROOM); // Notes: new WebSocket("ws://localhost:8080/ws")
  socket.addEventListener("message", (event) => receive(event.data)); // Notes: ws.onmessage; document.getElementById("output") (D29)
  // There is no "error" listener: whatever goes wrong, "close" follows, and the cure is the same.
  socket.addEventListener("close", closed); // Notes: ws.onclose; alert() (D30)
  socket.addEventListener("open", () => next(join, STAYS_OPEN_MS));
  next(lose, ANSWER_MS);
}
// ANCHOR_END: connect

// ANCHOR: address
// Served by a room, the page belongs to that room. Opened as a file it belongs to none,
// and tries the one that `chatroom ws-server` opens unless told otherwise.
function roomAddress() {
  if (location.protocol === "file:") return "ws://localhost:8080/ws";
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}/ws`;
}
// ANCHOR_END: address

function next(step, ms) {
  clearTimeout(timer);
  timer = setTimeout(step, ms);
}

function join() {
  clearTimeout(timer);
  retryMs = FIRST_RETRY_MS;
  joined = true;
  aliveAt = Date.now();
  setConnection("connected", words.connected);
  if (lostAt === 0) return setNotice("");
  setNotice(box.value ? words.backWithDraft : words.back, "connected");
  enqueue({ gap: true, text: words.gap(seconds.formatRange(lostAt, aliveAt), sentAt > lostAt) });
}

function closed(event) {
  // An earlier socket that was given up may take its time to close.
  if (event.target === socket) lose(Date.now(), event.code);
}

// ANCHOR: lose
// Nothing has come since then: leave, and try again. The words are the same at every try,
// because a screen reader reads each change out.
function lose(since, code) {
  if (joined) {
    lostAt = since;
    setNotice(""); // such as "connected again"
  }
  joined = false;
  socket?.close();
  socket = null;
  setConnection("trouble", troubleWords(code));
  // Up to a fifth earlier, by chance: a room full of browsers that lost their server
  // together should not come back in the same millisecond.
  next(connect, retryMs * (0.8 + 0.2 * Math.random()));
  retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
}
// ANCHOR_END: lose

function troubleWords(code) {
  if (code === ROOM_FULL) return words.full;
  if (!navigator.onLine) return words.offline;
  return lostAt ? words.lost(minutes.format(lostAt), sentAt > lostAt) : words.unreachable;
}

// When the network is back, or someone looks at the page again, there's no reason to wait.
function retryNow() {
  if (joined) return;
  socket?.close();
  connect();
}

// ANCHOR: alive
// The browser tells of a connection that ends, but not of one that has died without a word: the
// room has stopped, or a cable is out. What is sent there looks sent (`bufferedAmount` is 0).
let watchedAt = Date.now();
function watch() {
  const before = watchedAt;
  watchedAt = Date.now();
  if (!joined) return;
  if (watchedAt - before > ASLEEP_MS) lose(before);
  else if (aliveAt < before && !document.hidden) askForLife();
}

// A page can't ping. But the room serves HTTP at the same address, and any answer will do.
async function askForLife() {
  const asked = { socket, aliveAt };
  const signal = AbortSignal.timeout(ANSWER_MS);
  const page = new URL("/", ROOM.replace("ws", "http"));
  const request = fetch(page, { method: "HEAD", mode: "no-cors", cache: "no-store", signal });
  const answered = await request.then(() => true, () => false);
  if (asked.socket !== socket || asked.aliveAt !== aliveAt) return; // no longer the question
  if (answered) aliveAt = Date.now();
  else if (signal.aborted) lose(aliveAt); // any other failure may be one of asking
}

setInterval(watch, WATCH_MS);
// ANCHOR_END: alive
addEventListener("offline", () => lose(Date.now())); // (a room on this machine is back at once)
addEventListener("online", retryNow);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  showUnread(0);
  watch();
  retryNow();
});

// --- Receiving ------------------------------------------------------------------------

// How much of the conversation is kept. Someone who floods the room must not be able to
// eat this browser's memory; nobody scrolls back a thousand messages. Messages can be long,
// so their characters are counted too: laying out a megabyte of text is still quick.
const MAX_KEPT_MESSAGES = 1000;
const MAX_KEPT_CHARS = 1024 * 1024;

// ANCHOR: receive
// "[127.0.0.1:50000]: hello\n", and for IPv6 "[[::1]:50000]: hello\n". The room puts the
// address first, so the first "]: " ends it, whatever the sender wrote after that. Where rooms are
// joined by NATS, the console of another server is "[Server 127.0.0.1:8080]: hello\n".
const FROM_SOMEONE = /^\[((?:Server )?\S+?)\]: (.*)$/s;

function receive(data) {
  if (!joined) join(); // who hears something is in
  aliveAt = Date.now();
  if (document.hidden) showUnread(unread + 1);
  const line = String(data).replace(/\n$/, "");
  // What is not in that form is shown as it is.
  const [, sender, text] = FROM_SOMEONE.exec(line) ?? [line, "", line];
  enqueue({ sender, text });
}
// ANCHOR_END: receive

// Messages are shown once per animation frame, all that have come by then together: in a flood
// the page is laid out sixty times a second. (Measured with 30,000 messages: 6.5 s, and 10.4 s
// when each was shown by itself.) In a tab that nobody sees there are no frames, so the queue
// has the same limits as the list.
const queue = [];
let queuedChars = 0;

function enqueue(entry) {
  if (queue.length === 0) requestAnimationFrame(showQueue);
  queue.push({ ...entry, at: Date.now() });
  queuedChars += entry.text.length;
  while (queue.length > MAX_KEPT_MESSAGES || queuedChars > MAX_KEPT_CHARS) {
    queuedChars -= queue.shift().text.length;
  }
}

// --- Showing --------------------------------------------------------------------------

// This near to the end (in CSS pixels) counts as "at the end": zoomed pages scroll
// to fractions of a pixel, and someone who is off by half a line means to follow.
const END_SLACK_PX = 24;

// Times as the user is used to them, whatever the language of the page.
const minutes = new Intl.DateTimeFormat([], { timeStyle: "short" });
const seconds = new Intl.DateTimeFormat([], { timeStyle: "medium" });

let shownChars = 0;
let following = true; // false while the reader has scrolled up
let lastSender = ""; // of the newest message

function showQueue() {
  const fragment = document.createDocumentFragment();
  for (const entry of queue) fragment.append(entry.gap ? gapElement(entry) : messageElement(entry));
  // Who sends a message wants to see it, wherever they had scrolled to.
  if (queue.some((entry) => entry.own)) following = true;
  shownChars += queuedChars;
  queue.length = queuedChars = 0;
  log.append(fragment);
  forgetOldest();
  if (following) scrollToEnd();
  else newest.hidden = false;
}

function messageElement(message) {
  const sender = message.own ? words.you : message.sender;
  const element = document.createElement("p");
  element.className = message.own ? "message own" : `message tint-${tint(sender)}`;
  element.classList.toggle("again", sender === lastSender); // style.css shows the sender once
  lastSender = sender;
  if (sender) element.append(piece("span", "sender", sender), " "); // for copying and for screen readers
  const text = piece("span", "text", message.text);
  text.dir = "auto"; // Arabic and Hebrew read from the right, and can't disturb what's around them
  element.append(text, " ", piece("time", "time", minutes.format(message.at)));
  return element;
}

// What was said in the meantime is missing in the list, and that must show.
function gapElement(gap) {
  lastSender = "";
  const element = document.createElement("p");
  element.className = "gap";
  element.append(piece("span", "text", gap.text));
  return element;
}

// ANCHOR: text
function piece(tag, name, text) {
  const element = document.createElement(tag);
  element.className = name;
  // textContent and never innerHTML: "<img onerror=…>" is something to read, not to run (D29).
  element.textContent = text;
  return element;
}
// ANCHOR_END: text

// Six colours go round in the order in which people first speak, so that the few who talk
// at a time differ. They are an ornament: the address says who it is.
const tints = new Map();
function tint(sender) {
  if (!tints.has(sender)) {
    if (tints.size >= MAX_KEPT_MESSAGES) tints.clear(); // nobody can make this one grow either
    tints.set(sender, tints.size % 6);
  }
  return tints.get(sender);
}

function forgetOldest() {
  while (log.childElementCount > MAX_KEPT_MESSAGES || shownChars > MAX_KEPT_CHARS) {
    const oldest = log.firstElementChild;
    shownChars -= oldest.querySelector(".text").textContent.length;
    oldest.remove();
  }
}

function scrollToEnd() {
  following = true;
  newest.hidden = true;
  log.scrollTop = log.scrollHeight;
}

log.addEventListener("scroll", () => {
  following = log.scrollHeight - log.clientHeight - log.scrollTop < END_SLACK_PX;
  if (following) newest.hidden = true;
});

// A phone's keyboard makes the list smaller: the newest message should not slip behind it.
new ResizeObserver(() => {
  if (following) scrollToEnd();
}).observe(log);

newest.addEventListener("click", () => {
  scrollToEnd();
  box.focus();
});

// --- Sending --------------------------------------------------------------------------

// The room closes the connection of whoever sends more than this (64 KiB of UTF-8).
// Better to say so here than to be thrown out.
const MAX_MESSAGE_BYTES = 64 * 1024;

let sentAt = 0; // when the newest message of one's own was sent

form.addEventListener("submit", (event) => {
  event.preventDefault(); // stay on this page
  send();
  box.focus(); // after a click on the button too: the next message is typed at once
});

box.addEventListener("keydown", (event) => {
  // What is composed into a Chinese or Japanese word belongs to the input method.
  // (Safari ends the composition before its Enter, and marks the key by this number only.)
  const composing = event.isComposing || event.keyCode === 229;
  const pages = { PageUp: -1, PageDown: 1 }[event.key];
  if (event.key === "Enter" && composing) event.preventDefault();
  if (pages && !composing && !event.ctrlKey) log.scrollBy(0, pages * 0.9 * log.clientHeight);
});

box.addEventListener("input", () => setNotice("")); // it spoke of what was in the box before

// ANCHOR: send
function send() { // Notes: function sendMessage()
  // A text box holds one line: there's no "\n" in it.
  const text = box.value; // Notes: document.getElementById("message")
  if (text === "") return;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_MESSAGE_BYTES) return setNotice(words.tooLong(bytes), "trouble");
  if (!joined || socket.readyState !== WebSocket.OPEN) return setNotice(words.kept, "trouble");
  socket.send(text); // Notes: ws.send(input.value)
  box.value = ""; // Notes: input.value = ""
  sentAt = Date.now();
  setNotice("");
  enqueue({ text, own: true }); // the room sends it to the others only
}
// ANCHOR_END: send

// --- The status line ------------------------------------------------------------------

// It says how the connection is, unless there is something about the message in the box.
// The state is the line's colour; the words say the same.
let connection = { state: "connecting", text: "" };
let notice = { state: "", text: "" };

function setConnection(state, text) {
  connection = { state, text };
  showStatus();
}

function setNotice(text, state) {
  notice = { state, text };
  showStatus();
}

function showStatus() {
  const { state, text } = notice.text ? notice : connection;
  statusLine.dataset.state = state;
  if (statusLine.textContent !== text) statusLine.textContent = text; // or it would be read out again
}

// What came while nobody looked, in the tab's title: it ends at "99+", so that a flood doesn't
// write a title for every message.
let unread = 0;
function showUnread(count) {
  if (count > 100) return;
  unread = count;
  const shown = { 0: "", 100: "(99+) " }[count] ?? `(${count}) `;
  document.title = shown + words.title;
}

// --- The words, in both languages -----------------------------------------------------

const WORDS = {
  en: {
    title: "Chatroom",
    messages: "Messages",
    message: "Message",
    placeholder: "Write a message",
    send: "Send",
    you: "You",
    empty: "No messages yet. What is said before you join is not kept.",
    newest: "New messages ↓",
    connecting: "Connecting …",
    connected: "Connected",
    back: "Connected again.",
    backWithDraft: "Connected again. What you wrote is still in the box.",
    lost: (time, unsure) =>
      `Connection lost at ${time}.${unsure ? " What you sent since then may not have arrived." : ""} Reconnecting …`,
    offline: "This device has no network. Reconnecting …",
    full: "The room is full. You will join as soon as there is a place …",
    unreachable: `No room at ${ROOM}. Trying again …`,
    gap: (times, unsure) =>
      `No connection ${times}. What others said then is missing${unsure ? ", and what you sent may not have arrived" : ""}.`,
    kept: "Not connected: your message was not sent. It stays in the box.",
    tooLong: (bytes) => `Not sent: the message has ${bytes} bytes, the room takes ${MAX_MESSAGE_BYTES}.`,
  },
  zh: {
    title: "聊天室",
    messages: "消息",
    message: "消息",
    placeholder: "输入消息",
    send: "发送",
    you: "我",
    empty: "还没有消息。加入之前的发言不会保留。",
    newest: "有新消息 ↓",
    connecting: "正在连接……",
    connected: "已连接",
    back: "已重新连接。",
    backWithDraft: "已重新连接，没发出的内容还在输入框里。",
    lost: (time, unsure) => `${time} 连接断开${unsure ? "，此后发出的消息可能没有送达" : ""}，正在重新连接……`,
    offline: "本机没有网络，正在重新连接……",
    full: "聊天室已满，有空位时会自动加入……",
    unreachable: `连不上 ${ROOM}，正在重试……`,
    gap: (times, unsure) => `${times} 连接中断，其间的发言没有收到${unsure ? "，你发出的消息可能没有送达" : ""}。`,
    kept: "尚未连接，消息没有发出，仍保留在输入框中。",
    tooLong: (bytes) => `没有发出：消息有 ${bytes} 字节，聊天室最多接收 ${MAX_MESSAGE_BYTES} 字节。`,
  },
};

const chinese = navigator.language.toLowerCase().startsWith("zh");
const words = chinese ? WORDS.zh : WORDS.en;

document.documentElement.lang = chinese ? "zh-CN" : "en"; // screen readers choose their voice by it
document.title = words.title;
document.getElementById("title").textContent = words.title;
document.getElementById("label").textContent = words.message;
document.getElementById("send").textContent = words.send;
box.placeholder = words.placeholder;
newest.textContent = words.newest;
log.setAttribute("aria-label", words.messages);
log.dataset.empty = words.empty; // style.css shows it while there is no message

setConnection("connecting", words.connecting);
connect();
