// A TCP chat server. Its mistake: it waits for whoever doesn't read, and holds the lock meanwhile.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

type room struct {
	sync.Mutex
	members map[net.Conn]bool
}

// relay sends on line by line what it reads.
func (r *room) relay(from io.Reader, prefix string, sender net.Conn) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		r.Lock()
		for member := range r.members {
			if member != sender {
				io.WriteString(member, prefix+line)
			}
		}
		r.Unlock()
	}
}

func (r *room) serve(conn net.Conn) {
	r.Lock()
	r.members[conn] = true
	r.Unlock()
	r.relay(conn, fmt.Sprintf("[%s]: ", conn.RemoteAddr()), conn)
	r.Lock()
	delete(r.members, conn)
	r.Unlock()
	conn.Close()
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	chat := &room{members: map[net.Conn]bool{}}
	go chat.relay(os.Stdin, "[Server]: ", nil)
	for {
		if client, err := listener.Accept(); err == nil {
			go chat.serve(client)
		}
	}
}
