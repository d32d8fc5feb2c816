import base64, hashlib, socket, sys, threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
clients = []
lock = threading.Lock()

LOCAL = server.getsockname()[0].startswith("127.")

def may_join(origin, host):
    return origin is None or origin.partition(b"://")[2] == host or origin == b"null" and LOCAL

def refuse(conn, status):
    conn.sendall(b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
    raise OSError(status.decode())

def upgrade(conn, reader):
    fields = {}
    while line := reader.readline().strip():
        name, _, value = line.partition(b":")
        fields[name.lower()] = value.strip()
    key = fields.get(b"sec-websocket-key")
    if key is None:
        refuse(conn, b"400 Bad Request")
    if not may_join(fields.get(b"origin"), fields.get(b"host")):
        refuse(conn, b"403 Forbidden")
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")

def show(line):
    if sys.stdout.isatty():
        spell = lambda c: "\\x%02x" % ord(c) if (ord(c) < 32 or 127 <= ord(c) < 160) and c != "\n" else c
        line = "".join(map(spell, line.decode(errors="replace"))).encode()
    sys.stdout.buffer.write(line)
    sys.stdout.flush()

def exactly(reader, n):
    data = reader.read(n)
    if len(data) < n:
        raise OSError("the end")
    return data

def read_message(reader):
    while True:
        first, second = exactly(reader, 2)
        length = second & 0x7F
        if length == 126:
            length = int.from_bytes(exactly(reader, 2), "big")
        elif length == 127:
            length = int.from_bytes(exactly(reader, 8), "big")
        mask = exactly(reader, 4)
        words = bytes(byte ^ mask[at % 4] for at, byte in enumerate(exactly(reader, length)))
        if first & 0x0F == 1:
            return words
        if first & 0x0F == 8:
            return None

def frame(text):
    if len(text) < 126:
        head = bytes([0x81, len(text)])
    elif len(text) < 65536:
        head = bytes([0x81, 126]) + len(text).to_bytes(2, "big")
    else:
        head = bytes([0x81, 127]) + len(text).to_bytes(8, "big")
    return head + text

def broadcast(line, conn):
    with lock:
        for client in clients:
            if client is not conn:
                try:
                    client.sendall(line)
                except OSError:
                    pass

def serve(conn, peer):
    host, port = peer
    reader = conn.makefile("rb")
    try:
        upgrade(conn, reader)
        with lock:
            clients.append(conn)
        while True:
            words = read_message(reader)
            if words is None:
                break
            words = words.replace(b"\r", b" ").replace(b"\n", b" ")
            line = b"[%s:%d]: " % (host.encode(), port) + words + b"\n"
            show(line)
            broadcast(frame(line), conn)
    except OSError as err:
        print(err, file=sys.stderr)
    finally:
        with lock:
            if conn in clients:
                clients.remove(conn)
        reader.close()
        conn.close()

while True:
    conn, peer = server.accept()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(conn, peer), daemon=True).start()
