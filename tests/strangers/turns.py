# A TCP chat client. Its mistake: it speaks and listens by turns.
import socket
import sys

client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client.connect((sys.argv[1], int(sys.argv[2])))
print("Connected to the chat server")
while True:
    message = input("You: ")
    client.sendall((message + "\n").encode())
    answer = client.recv(4096).decode()
    print(answer, end="")
