import socket, sys, threading, time

MAX_LINE = 65536
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
clients = []
lock = threading.Lock()

def broadcast(line, conn):
    with lock:
        for client in clients:
            if client is not conn:
                try:
                    client.sendall(line)
                except OSError:
                    pass

def read_line(reader):
    line = reader.readline(MAX_LINE + 1)
    if line and not line.endswith(b"\n"):
        if len(line) > MAX_LINE:
            raise ValueError("a line longer than %d bytes" % MAX_LINE)
        line += b"\n"
    return line

def last_word(conn, why):
    conn.sendall(b"[Server]: %s\n" % str(why).encode())
    conn.shutdown(socket.SHUT_WR)
    conn.settimeout(1)
    rest, end = 1 << 20, time.monotonic() + 1
    while rest > 0 and time.monotonic() < end:
        thrown_away = conn.recv(4096)
        if not thrown_away:
            break
        rest -= len(thrown_away)

def serve(conn, peer):
    prefix = b"[%s:%d]: " % (peer[0].encode(), peer[1])
    reader = conn.makefile("rb")
    why = None
    try:
        while line := read_line(reader):
            sys.stdout.buffer.write(prefix + line)
            sys.stdout.flush()
            broadcast(prefix + line, conn)
    except (OSError, ValueError) as err:
        why = err
    with lock:
        clients.remove(conn)
    try:
        if why:
            last_word(conn, why)
    except OSError:
        pass
    reader.close()
    conn.close()

def console():
    for line in sys.stdin.buffer:
        broadcast(b"[Server]: " + line, None)

threading.Thread(target=console, daemon=True).start()
while True:
    conn, peer = server.accept()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with lock:
        clients.append(conn)
    threading.Thread(target=serve, args=(conn, peer), daemon=True).start()
