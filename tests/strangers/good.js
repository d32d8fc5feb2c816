// A WebSocket chat server for Node, by hand. No mistake: it must not be blamed for any.
const crypto = require("crypto");
const http = require("http");
const port = process.argv[2];
const clients = new Set();

function frame(opcode, data) {
  const head = [0x80 | opcode, data.length];
  if (data.length > 125) {
    const long = data.length > 65535;
    const size = Buffer.alloc(long ? 8 : 2);
    long ? size.writeBigUInt64BE(BigInt(data.length)) : size.writeUInt16BE(data.length);
    head.splice(1, 1, long ? 127 : 126, ...size);
  }
  return Buffer.concat([Buffer.from(head), data]);
}

// The first frame of what came, and how many bytes it takes; nothing while it isn't whole.
function parse(came) {
  if (came.length < 2) return;
  let [at, length] = [2, came[1] & 127];
  if (length > 125) at = length === 126 ? 4 : 10;
  if (came.length < at + 4) return;
  if (length === 126) length = came.readUInt16BE(2);
  else if (length === 127) length = Number(came.readBigUInt64BE(2));
  const end = at + 4 + length;
  if (came.length < end) return;
  const mask = came.subarray(at, at + 4);
  return { first: came[0], data: came.subarray(at + 4, end).map((byte, i) => byte ^ mask[i % 4]), end };
}

http.createServer((request, response) => response.end("Join at /ws.\n")).on("upgrade", (request, socket) => {
  const hash = crypto.createHash("sha1");
  const key = hash.update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${key}\r\n\r\n`);
  clients.add(socket);
  const name = `[${socket.remoteAddress}:${socket.remotePort}]: `;
  let [came, parts] = [Buffer.alloc(0), []];
  socket.on("data", (data) => {
    came = Buffer.concat([came, data]);
    for (let next; (next = parse(came)); came = came.subarray(next.end)) {
      const opcode = next.first & 15;
      if (opcode === 8) return socket.end(frame(8, next.data));
      if (opcode === 9) socket.write(frame(10, next.data));
      if (opcode > 2) continue;
      parts.push(next.data);
      if (!(next.first & 128)) continue;
      const message = frame(1, Buffer.concat([Buffer.from(name), ...parts, Buffer.from("\n")]));
      for (const client of clients) if (client !== socket) client.write(message);
      parts = [];
    }
  });
  socket.on("end", () => socket.end());
  socket.on("error", () => socket.destroy());
  socket.on("close", () => clients.delete(socket));
}).on("error", (error) => {
  console.error(`cannot listen on 127.0.0.1:${port}: ${error.code}`);
  process.exit(1);
}).listen(port, "127.0.0.1");
