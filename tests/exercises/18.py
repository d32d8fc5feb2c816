import re, socket, sys, threading

server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
names = {}
lock = threading.Lock()

def send(conn, line):
    try:
        conn.sendall(line)
    except OSError:
        pass

def broadcast(line, sender):
    with lock:
        for conn in names:
            if conn is not sender:
                send(conn, line)

def rename(conn, wanted, peer):
    if not re.fullmatch(rb"[A-Za-z0-9_-]{1,16}", wanted):
        send(conn, b"[Server]: a name has 1 to 16 letters, digits, - or _\n")
        return
    with lock:
        if wanted == b"Server" or wanted in names.values():
            send(conn, b"[Server]: that name is taken\n")
            return
        names[conn] = wanted
        for other in names:
            send(other, b"[Server]: %s is now %s\n" % (peer, wanted))

def serve(conn, peer):
    reader = conn.makefile("rb")
    try:
        for line in iter(reader.readline, b""):
            if line.startswith(b"/nick "):
                rename(conn, line[6:].rstrip(), peer)
            else:
                broadcast(b"[%s]: " % names[conn] + line, conn)
    except OSError as err:
        print(err)
    finally:
        with lock:
            del names[conn]
        reader.close()
        conn.close()

def console():
    for line in sys.stdin.buffer:
        broadcast(b"[Server]: " + line, None)

threading.Thread(target=console, daemon=True).start()
while True:
    conn, (host, port) = server.accept()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer = b"%s:%d" % (host.encode(), port)
    with lock:
        names[conn] = peer
    threading.Thread(target=serve, args=(conn, peer), daemon=True).start()
