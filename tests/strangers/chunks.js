// A TCP chat server for Node. Its mistake: a "data" event is taken for a line.
const net = require("net");
const clients = new Set();
net.createServer((conn) => {
  clients.add(conn);
  conn.setNoDelay(true);
  const name = `[${conn.remoteAddress}:${conn.remotePort}]: `;
  conn.on("data", (data) => {
    for (const other of clients) if (other !== conn) other.write(Buffer.concat([Buffer.from(name), data]));
  });
  conn.on("error", () => {});
  conn.on("close", () => clients.delete(conn));
}).on("error", (err) => {
  console.error(`cannot listen on 127.0.0.1:${process.argv[2]}: ${err.code}`);
  process.exit(1);
}).listen(Number(process.argv[2]), "127.0.0.1");
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  for (const client of clients) client.write(`[Server]: ${line}\n`);
});
