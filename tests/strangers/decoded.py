# A TCP chat server. Its mistake: bytes are decoded as text, and not all bytes are.
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
        for line in conn.makefile("r", encoding="utf-8", newline="\n"):
            with lock:
                for other in clients:
                    if other is not conn:
                        send(other, f"[{addr[0]}:{addr[1]}]: {line}".encode())
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
