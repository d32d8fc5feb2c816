// A TCP chat server. Its mistake: goroutines share a map, and nobody locks it.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
)

var clients = make(map[net.Conn]bool)

func broadcast(from net.Conn, msg string) {
	for c := range clients {
		if c != from {
			fmt.Fprint(c, msg)
		}
	}
}

func handle(c net.Conn) {
	defer c.Close()
	clients[c] = true
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break
		}
		broadcast(c, fmt.Sprintf("[%v]: %s", c.RemoteAddr(), line))
	}
	delete(clients, c)
}

func main() {
	ln, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		if c, err := ln.Accept(); err == nil {
			go handle(c)
		}
	}
}
