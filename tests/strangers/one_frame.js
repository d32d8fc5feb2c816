// A WebSocket chat server for Node, by hand. Its mistake: what a "data" event brings is taken for one frame.
const { createHash } = require("crypto");
const clients = new Map();

function frame(text) {
  const data = Buffer.from(text);
  const size = data.length < 126 ? [data.length] : [126, data.length >> 8, data.length & 255];
  return Buffer.concat([Buffer.from([0x81, ...size]), data]);
}

function decode(buffer) {
  let [length, start] = [buffer[1] & 127, 2];
  if (length === 126) {
    length = buffer.readUInt16BE(2);
    start = 4;
  }
  const mask = buffer.slice(start, start + 4);
  const data = buffer.slice(start + 4, start + 4 + length);
  return Buffer.from(data.map((byte, i) => byte ^ mask[i % 4])).toString();
}

const server = require("http").createServer();
server.on("upgrade", (req, socket) => {
  const magic = req.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  socket.write([
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: " + createHash("sha1").update(magic).digest("base64"),
    "", "",
  ].join("\r\n"));
  const name = socket.remoteAddress + ":" + socket.remotePort;
  clients.set(name, socket);
  socket.on("data", (buffer) => {
    if ((buffer[0] & 15) === 8) return socket.end();
    for (const [other, client] of clients) {
      if (other !== name) client.write(frame(`[${name}]: ${decode(buffer)}\n`));
    }
  });
  socket.on("close", () => clients.delete(name));
  socket.on("error", () => socket.destroy());
});
server.listen(process.argv[2], "127.0.0.1", () => console.log("http://127.0.0.1:" + process.argv[2]));
