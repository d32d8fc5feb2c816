# A TCP chat server. Its mistake: it reads from one client, and meanwhile accepts nobody.
import socket, sys

HOST, PORT = "127.0.0.1", int(sys.argv[1])

s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((HOST, PORT))
s.listen(5)
print(f"Server started on {HOST}:{PORT}")
clients = []
while True:
    conn, addr = s.accept()
    print("Connected by", addr)
    clients.append(conn)
    while True:
        data = conn.recv(1024)
        if not data:
            break
        for c in clients:
            if c != conn:
                c.sendall(f"[{addr[0]}:{addr[1]}]: {data.decode()}".encode())
    clients.remove(conn)
    conn.close()
