"use strict";
// The chat page: a WebSocket, a list of messages, a box to write in.
// It reads from top to bottom: the words, the connection, receiving, showing, sending.

// The room closes the connection of whoever sends more than this (64 KiB of UTF-8).
// Better to say so here than to be thrown out.
const MAX_MESSAGE_BYTES = 64 * 1024;

// How much of the conversation is kept. Someone who floods the room must not be able to
// eat this browser's memory; nobody scrolls back a thousand messages. Messages can be long,
// so their characters are counted too: laying out a megabyte of text is still quick.
const MAX_KEPT_MESSAGES = 1000;
const MAX_KEPT_CHARS = 1024 * 1024;

// After a loss: try again soon, then ever more slowly, but never let anyone wait longer
// than this for a room that is back.
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 5000;

// This near to the end (in CSS pixels) counts as "at the end": zoomed pages scroll
// to fractions of a pixel, and someone who is off by half a line means to follow.
const END_SLACK_PX = 24;

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
    lost: (seconds) => `Connection lost. Reconnecting in ${seconds} s …`,
    unreachable: (seconds) => `No room at ${ROOM}. Trying again in ${seconds} s …`,
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
    lost: (seconds) => `连接断开，${seconds} 秒后重新连接……`,
    unreachable: (seconds) => `连不上 ${ROOM}，${seconds} 秒后再试……`,
    kept: "尚未连接，消息没有发出，仍保留在输入框中。",
    tooLong: (bytes) => `没有发出：消息有 ${bytes} 字节，聊天室最多接收 ${MAX_MESSAGE_BYTES} 字节。`,
  },
};

const chinese = navigator.language.toLowerCase().startsWith("zh");
const words = chinese ? WORDS.zh : WORDS.en;

const statusLine = document.getElementById("status");
const log = document.getElementById("log"); // Notes: <div id="output">
const newest = document.getElementById("newest");
const form = document.getElementById("form");
const box = document.getElementById("message");

document.documentElement.lang = chinese ? "zh-CN" : "en"; // screen readers choose their voice by it
document.title = words.title;
document.getElementById("title").textContent = words.title;
document.getElementById("label").textContent = words.message;
document.getElementById("send").textContent = words.send;
box.placeholder = words.placeholder;
newest.textContent = words.newest;
log.setAttribute("aria-label", words.messages);
log.dataset.empty = words.empty; // style.css shows it while there is no message

// --- The status line ------------------------------------------------------------------

// It says how the connection is, unless there is something about the message in the box.
let connectionWords = "";
let notice = "";

function setConnection(state, text) {
  statusLine.dataset.state = state; // the colour of the dot; the words say the same
  connectionWords = text;
  showStatus();
}

function setNotice(text) {
  notice = text;
  showStatus();
}

function showStatus() {
  statusLine.classList.toggle("notice", notice !== "");
  statusLine.textContent = notice || connectionWords;
}

// --- The connection -------------------------------------------------------------------

const ROOM = roomAddress();
let socket = null;
let retryTimer = 0;
let retryMs = FIRST_RETRY_MS;
let wasConnected = false;

// Served by a room, the page belongs to that room. Opened as a file it belongs to none,
// and tries the one that `chatroom ws-server` opens unless told otherwise.
function roomAddress() {
  if (location.protocol === "file:") return "ws://localhost:8080/ws";
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}/ws`;
}

function connect() {
  clearTimeout(retryTimer);
  socket = new WebSocket(ROOM); // Notes: new WebSocket("ws://localhost:8080/ws")
  socket.addEventListener("open", () => {
    wasConnected = true;
    retryMs = FIRST_RETRY_MS;
    notice = ""; // "not connected" is no longer true
    setConnection("connected", words.connected);
  });
  socket.addEventListener("message", (event) => receive(event.data)); // Notes: ws.onmessage; document.getElementById("output") (D29)
  // There is no "error" listener: whatever goes wrong, "close" follows, and the cure is the same.
  socket.addEventListener("close", retryLater); // Notes: ws.onclose; alert() (D30)
}

// The words change only when the number does, and there is no "connecting" in between:
// a screen reader would read it out at every try.
function retryLater() {
  const seconds = Math.ceil(retryMs / 1000);
  const say = wasConnected ? words.lost : words.unreachable;
  setConnection("lost", say(seconds));
  // Up to a fifth earlier, by chance: a room full of browsers that lost their server
  // together should not come back in the same millisecond.
  retryTimer = setTimeout(connect, retryMs * (0.8 + 0.2 * Math.random()));
  retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
}

// When the network is back, or someone looks at the page again, there's no reason to wait.
function retryNow() {
  if (socket.readyState === WebSocket.CLOSED) connect();
}

addEventListener("online", retryNow);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) retryNow();
});

// --- Receiving ------------------------------------------------------------------------

// "[127.0.0.1:50000]: hello\n", and for IPv6 "[[::1]:50000]: hello\n". The room puts the
// address first, so the first "]: " ends it, whatever the sender wrote after that.
const FROM_SOMEONE = /^\[(\S+?)\]: (.*)$/s;

function receive(data) {
  const line = String(data).replace(/\n$/, "");
  const match = FROM_SOMEONE.exec(line);
  if (match) enqueue({ sender: match[1], text: match[2], own: false });
  else enqueue({ sender: "", text: line, own: false }); // not in that form: shown as it is
}

// Messages are shown once per animation frame, all that have come by then together:
// in a flood the browser then lays the page out sixty times a second and not ten thousand.
// In a tab that nobody sees there are no frames, so the queue has the same limits as the list.
const queue = [];
let queuedChars = 0;

function enqueue(message) {
  if (queue.length === 0) requestAnimationFrame(showQueue);
  queue.push(message);
  queuedChars += message.text.length;
  while (queue.length > MAX_KEPT_MESSAGES || queuedChars > MAX_KEPT_CHARS) {
    queuedChars -= queue.shift().text.length;
  }
}

// --- Showing --------------------------------------------------------------------------

let shownChars = 0;
let following = true; // false while the reader has scrolled up

function showQueue() {
  const fragment = document.createDocumentFragment();
  for (const message of queue) fragment.append(messageElement(message));
  // Who sends a message wants to see it, wherever they had scrolled to.
  if (queue.some((message) => message.own)) following = true;
  shownChars += queuedChars;
  queue.length = queuedChars = 0;
  log.append(fragment);
  forgetOldest();
  if (following) scrollToEnd();
  else newest.hidden = false;
}

function messageElement(message) {
  const sender = document.createElement("span");
  sender.className = "sender";
  sender.textContent = message.own ? words.you : message.sender;
  const text = document.createElement("span");
  text.className = "text";
  text.dir = "auto"; // Arabic and Hebrew read from the right, and can't disturb what's around them
  // textContent and never innerHTML: "<img onerror=…>" is something to read, not to run (D29).
  text.textContent = message.text;
  const element = document.createElement("p");
  element.className = message.own ? "message own" : `message tint-${tint(message.sender)}`;
  if (sender.textContent) element.append(sender, " "); // the space is for copying and for screen readers
  element.append(text);
  return element;
}

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

form.addEventListener("submit", (event) => {
  event.preventDefault(); // stay on this page
  send();
  box.focus(); // after a click on the button too: the next message is typed at once
});

// Enter that ends the composition of a Chinese or Japanese word belongs to the input method.
box.addEventListener("keydown", (event) => {
  // (Safari ends the composition first, and marks the key by this number only.)
  const composing = event.isComposing || event.keyCode === 229;
  if (event.key === "Enter" && composing) event.preventDefault();
});

box.addEventListener("input", () => setNotice("")); // it spoke of what was in the box before

function send() { // Notes: function sendMessage()
  // A text box holds one line: there's no "\n" in it.
  const text = box.value; // Notes: document.getElementById("message")
  if (text === "") return;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_MESSAGE_BYTES) return setNotice(words.tooLong(bytes));
  if (socket.readyState !== WebSocket.OPEN) return setNotice(words.kept);
  socket.send(text); // Notes: ws.send(input.value)
  box.value = ""; // Notes: input.value = ""
  setNotice("");
  enqueue({ sender: "", text, own: true }); // the room sends it to the others only
}

setConnection("connecting", words.connecting);
connect();
