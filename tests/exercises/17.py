import collections, socket, sys, threading

MOST = 4 << 20
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
clients = []
lock = threading.Lock()

class Client:
    def __init__(self, conn):
        self.conn = conn
        self.queue = collections.deque()
        self.waiting = 0
        self.changed = threading.Condition()
        self.ended = False

    def deliver(self, line):
        with self.changed:
            if self.waiting > MOST:
                try:
                    self.conn.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                return
            self.queue.append(line)
            self.waiting += len(line)
            self.changed.notify()

    def end(self):
        with self.changed:
            self.ended = True
            self.changed.notify()

    def write(self):
        while True:
            with self.changed:
                while not self.queue and not self.ended:
                    self.changed.wait()
                if self.ended:
                    return
                batch = b"".join(self.queue)
                self.queue.clear()
            try:
                self.conn.sendall(batch)
            except OSError:
                return
            with self.changed:
                self.waiting -= len(batch)

def broadcast(line, sender):
    with lock:
        for client in clients:
            if client is not sender:
                client.deliver(line)

def serve(client, peer):
    prefix = b"[%s:%d]: " % (peer[0].encode(), peer[1])
    reader = client.conn.makefile("rb")
    writer = threading.Thread(target=client.write, daemon=True)
    writer.start()
    try:
        for line in iter(reader.readline, b""):
            broadcast(prefix + line, client)
    except OSError as err:
        print(err)
    finally:
        with lock:
            clients.remove(client)
        client.end()
        try:
            client.conn.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        writer.join()
        reader.close()
        client.conn.close()

def console():
    for line in sys.stdin.buffer:
        broadcast(b"[Server]: " + line, None)

threading.Thread(target=console, daemon=True).start()
while True:
    conn, peer = server.accept()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client = Client(conn)
    with lock:
        clients.append(client)
    threading.Thread(target=serve, args=(client, peer), daemon=True).start()
