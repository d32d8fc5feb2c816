# A TCP chat server. Its mistake: it waits for whoever doesn't read, and holds the lock meanwhile.
import socket, sys, threading

clients, lock = [], threading.Lock()

def broadcast(line, sender):
    with lock:
        for client in clients:
            if client is not sender:
                try:
                    client.sendall(line)
                except OSError:
                    pass # it has left, and its own thread will see that

def console():
    for line in sys.stdin.buffer:
        broadcast(b"[Server]: " + line, None)

def handle(conn, addr):
    prefix = b"[%s:%d]: " % (addr[0].encode(), addr[1])
    try:
        for line in conn.makefile("rb"):
            broadcast(prefix + line, conn)
    except OSError:
        pass
    with lock:
        clients.remove(conn)
    conn.close()

try:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1000)
except OSError as err:
    sys.exit(f"cannot listen on 127.0.0.1:{sys.argv[1]}: {err}")
threading.Thread(target=console, daemon=True).start()
while True:
    conn, addr = listener.accept()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with lock:
        clients.append(conn)
    threading.Thread(target=handle, args=(conn, addr), daemon=True).start()
