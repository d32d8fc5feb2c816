# No chat at all: whoever connects is flooded, with lines or with one line that has no end.
import socket, sys, threading

piece = b"spam\n" * 10_000 if sys.argv[2] == "lines" else b"x" * 50_000

def flood(conn):
    try:
        while True:
            conn.sendall(piece)
    except OSError:
        pass

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=100)
while True:
    threading.Thread(target=flood, args=(listener.accept()[0],), daemon=True).start()
