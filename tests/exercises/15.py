import socket, sys, time

address = (sys.argv[1], int(sys.argv[2]))
deaf = socket.create_connection(address)
loud = socket.create_connection(address)
for _ in range(20_000):
    loud.sendall(b"." * 1000 + b"\n")
time.sleep(60)
