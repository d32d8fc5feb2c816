// A TCP chat server. Its mistake: the map of clients is changed and walked without a lock.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
)

var clients = map[net.Conn]bool{}

func handle(conn net.Conn) {
	defer conn.Close()
	defer delete(clients, conn)
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		for other := range clients {
			if other != conn {
				fmt.Fprintf(other, "[%s]: %s", conn.RemoteAddr(), line)
			}
		}
	}
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		in := bufio.NewReader(os.Stdin)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			for client := range clients {
				fmt.Fprintf(client, "[Server]: %s", line)
			}
		}
	}()
	for {
		conn, err := listener.Accept()
		if err == nil {
			clients[conn] = true
			go handle(conn)
		}
	}
}
