# A TCP chat client. Its mistake: what it prints into a pipe stays in a buffer.
import os, socket, sys, threading

try:
    conn = socket.create_connection((sys.argv[1], int(sys.argv[2])))
except OSError as err:
    sys.exit(f"cannot connect to {sys.argv[1]}:{sys.argv[2]}: {err}")
conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

def listen():
    for line in conn.makefile("rb"):
        sys.stdout.buffer.write(line)
    print("the server has left", file=sys.stderr, flush=True)
    os._exit(1)

threading.Thread(target=listen, daemon=True).start()
for line in sys.stdin.buffer:
    conn.sendall(line if line.endswith(b"\n") else line + b"\n")
conn.shutdown(socket.SHUT_WR)
threading.Event().wait(1)
os._exit(0)
