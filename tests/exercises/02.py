import socket, sys, threading

server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
last = None

def serve(conn, peer):
    host, port = peer
    reader = conn.makefile("rb")
    try:
        while True:
            line = reader.readline()
            if not line:
                break
            conn.sendall(b"[%s:%d]: " % (host.encode(), port) + line)
    except OSError as err:
        print(err)

while True:
    conn, peer = server.accept()
    if last:
        try:
            last.sendall(b"[Server]: %s:%d comes\n" % (peer[0].encode(), peer[1]))
        except OSError:
            pass
    last = conn
    threading.Thread(target=serve, args=(conn, peer), daemon=True).start()
