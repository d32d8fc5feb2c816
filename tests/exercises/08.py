import base64, hashlib, socket, sys, threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
clients = []
lock = threading.Lock()

def upgrade(conn, reader):
    key = None
    while True:
        line = reader.readline().strip()
        if not line:
            break
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            key = value.strip()
    if key is None:
        conn.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        raise OSError("no request for a WebSocket")
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")

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
            broadcast(frame(b"[%s:%d]: " % (host.encode(), port) + words + b"\n"), conn)
    except OSError as err:
        print(err)
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
