import socket, sys, threading

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

def serve(conn, peer):
    host, port = peer
    reader = conn.makefile("rb")
    try:
        while True:
            line = reader.readline()
            if not line:
                break
            broadcast(b"[%s:%d]: " % (host.encode(), port) + line, conn)
    except OSError as err:
        print(err)
    finally:
        print("client left", peer)
        with lock:
            clients.remove(conn)
        reader.close()
        conn.close()

while True:
    conn, peer = server.accept()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with lock:
        clients.append(conn)
    threading.Thread(target=serve, args=(conn, peer), daemon=True).start()
