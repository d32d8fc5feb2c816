import socket, sys

server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    conn, peer = server.accept()
    print("new client:", "%s:%d" % peer)
    line = "[%s:%d]: hello\n" % peer
    conn.sendall(line.encode())
    conn.close()
