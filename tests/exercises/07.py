import socket, sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
clients = []
while True:
    words, peer = server.recvfrom(65535)
    if peer not in clients:
        clients.append(peer)
    host, port = peer
    for client in clients:
        if client != peer:
            try:
                server.sendto(b"[%s:%d]: " % (host.encode(), port) + words, client)
            except OSError:
                pass
