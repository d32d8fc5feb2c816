import socket, sys, threading

ROOM = b"chatroom.lobby"
host, port = sys.argv[2].rsplit(":", 1)
try:
    broker = socket.create_connection((host, int(port)))
except OSError as err:
    sys.exit(f"cannot join the other rooms, by {sys.argv[2]}: {err}")
broker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
clients = []
lock = threading.Lock()
link_lock = threading.Lock()

def write(data):
    with link_lock:
        try:
            broker.sendall(data)
        except OSError:
            pass

def broadcast(line, sender):
    with lock:
        for client in clients:
            if client is not sender:
                try:
                    client.sendall(line)
                except OSError:
                    pass

def hear(reader):
    for line in iter(reader.readline, b""):
        words = line.split()
        if words[0] == b"MSG":
            payload = reader.read(int(words[-1]))
            reader.read(2)
            if payload and not payload.endswith(b"\n"):
                payload += b"\n"
            broadcast(payload, None)
        elif words[0] == b"PING":
            write(b"PONG\r\n")
        elif words[0] == b"-ERR":
            print("the broker says", line, flush=True)

def listen(reader):
    try:
        hear(reader)
    except OSError as err:
        print(err)
    print("the broker is lost; the room here goes on", flush=True)

def serve(conn, peer):
    host, port = peer
    reader = conn.makefile("rb")
    try:
        for line in iter(reader.readline, b""):
            line = b"[%s:%d]: " % (host.encode(), port) + line
            broadcast(line, conn)
            write(b"PUB %s %d\r\n%s\r\n" % (ROOM, len(line), line))
    except OSError as err:
        print(err)
    finally:
        with lock:
            clients.remove(conn)
        reader.close()
        conn.close()

reader = broker.makefile("rb")
if not reader.readline().startswith(b"INFO "):
    sys.exit("that is no NATS server")
write(b'CONNECT {"verbose":false,"pedantic":false,"echo":false}\r\nSUB %s 1\r\nPING\r\n' % ROOM)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
threading.Thread(target=listen, args=(reader,), daemon=True).start()
while True:
    conn, peer = server.accept()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with lock:
        clients.append(conn)
    threading.Thread(target=serve, args=(conn, peer), daemon=True).start()
