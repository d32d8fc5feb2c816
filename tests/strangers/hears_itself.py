# A TCP chat server. Its mistake: a line goes to everyone, its sender too.
import socket, sys, threading

clients, lock = [], threading.Lock()

def send(client, line):
    try:
        client.sendall(line)
    except OSError:
        pass # it has left, and its own thread will see that

def console():
    for line in sys.stdin.buffer:
        with lock:
            for client in clients:
                send(client, b"[Server]: " + line)

def handle(conn, addr):
    try:
        for line in conn.makefile("rb"):
            with lock:
                for other in clients:
                    send(other, b"[%s:%d]: %s" % (addr[0].encode(), addr[1], line))
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
