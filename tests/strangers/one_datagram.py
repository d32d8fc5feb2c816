# A UDP chat server. Its mistake: one datagram that isn't text ends it.
import socket, sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    sock.bind(("127.0.0.1", int(sys.argv[1])))
except OSError as err:
    sys.exit(f"cannot listen on 127.0.0.1:{sys.argv[1]}: {err}")
print("listening", flush=True)
clients = set()
while True:
    data, addr = sock.recvfrom(65535)
    text = data.decode()
    clients.add(addr)
    for other in clients:
        if other != addr:
            sock.sendto(f"[{addr[0]}:{addr[1]}]: {text}".encode(), other)
