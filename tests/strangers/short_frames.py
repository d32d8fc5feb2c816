# A WebSocket chat client, by hand. Its mistake: it knows one way of writing a length, that of short messages.
import base64, os, socket, sys, threading
from urllib.parse import urlsplit

url = urlsplit(sys.argv[1])
sock = socket.create_connection((url.hostname, url.port))
key = base64.b64encode(os.urandom(16)).decode()
sock.sendall(f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
stream = sock.makefile("rb")
while stream.readline().strip():
    pass
print("connected", flush=True)

def send(opcode, data):
    mask = os.urandom(4)
    head = bytes([0x80 | opcode, 0x80 | min(len(data), 125)])
    sock.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data[:125])))

def listen():
    while (head := stream.read(2)):
        data = stream.read(head[1] & 127)
        if head[0] & 15 == 9:
            send(10, data)
        elif head[0] & 15 == 1:
            print(data.decode().rstrip("\n"), flush=True)
    os._exit(1)

threading.Thread(target=listen, daemon=True).start()
for line in sys.stdin:
    send(1, line.rstrip("\n").encode())
