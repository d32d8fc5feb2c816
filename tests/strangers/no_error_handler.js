// A TCP chat server for Node. Its mistake: nobody listens to a socket's "error".
const net = require("net");
const clients = new Map();

net.createServer((c) => {
  const name = `${c.remoteAddress}:${c.remotePort}`;
  clients.set(name, c);
  let rest = Buffer.alloc(0);
  c.on("data", (data) => {
    rest = Buffer.concat([rest, data]);
    for (let end; (end = rest.indexOf("\n") + 1) > 0; rest = rest.subarray(end)) {
      const line = Buffer.concat([Buffer.from(`[${name}]: `), rest.subarray(0, end)]);
      for (const [other, socket] of clients) if (other !== name) socket.write(line);
    }
  });
  c.on("close", () => clients.delete(name));
}).listen(process.argv[2], "127.0.0.1", () => console.log("chat server ready"));
