import socket, sys, threading

conn = socket.create_connection((sys.argv[1], int(sys.argv[2])))
conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

def show():
    while True:
        data = conn.recv(4096)
        if not data:
            return
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

threading.Thread(target=show, daemon=True).start()
for line in sys.stdin.buffer:
    if not line.endswith(b"\n"):
        line += b"\n"
    conn.sendall(line)
