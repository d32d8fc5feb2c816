# A WebSocket chat server, by hand. Its mistake: it reads past the mask, but doesn't take it off.
import base64, hashlib, socketserver, struct, sys, threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
clients, lock = {}, threading.Lock()

class Client(socketserver.StreamRequestHandler):
    def handle(self):
        key = None
        while (line := self.rfile.readline().strip()):
            name, _, value = line.partition(b": ")
            if name.lower() == b"sec-websocket-key":
                key = value
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        with lock:
            self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
            clients[self] = "%s:%d" % self.client_address
        while (frame := self.read_frame()):
            with lock:
                for client in clients:
                    if client is not self:
                        client.send(b"[" + clients[self].encode() + b"]: " + frame + b"\n")
        with lock:
            del clients[self]

    def read_frame(self):
        head = self.rfile.read(2)
        if len(head) < 2 or head[0] & 15 == 8:
            return None
        length = head[1] & 127
        if length == 126:
            length, = struct.unpack(">H", self.rfile.read(2))
        self.rfile.read(4) # the mask
        return self.rfile.read(length)

    def send(self, data):
        size = bytes([len(data)]) if len(data) < 126 else struct.pack(">BH", 126, len(data))
        self.wfile.write(b"\x81" + size + data)

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

Server(("127.0.0.1", int(sys.argv[1])), Client).serve_forever()
