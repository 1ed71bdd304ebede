// Command relay lets the ordinary machine reach ports of the network namespace that it is started in.
//
//	relay -outer /proc/<pid>/ns/net -out FILE api=26443:127.0.0.1:6443 …
//
// Each argument is name=port:target. The relay listens on that loopback port of the outer namespace, or on any free one
// where it is taken, and connects to the target in its own. It writes the ports it got to FILE as JSON. Since it lives
// in the inner namespace, stopping everything there stops the relay too.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// The process is found by the namespace of its main thread, so that thread is kept for main, which never leaves it.
func init() {
	runtime.LockOSThread()
}

func main() {
	outer := flag.String("outer", "", "network namespace to listen in")
	out := flag.String("out", "", "file for the ports in use, as JSON")
	flag.Parse()
	ports := map[string]int{}
	for _, arg := range flag.Args() {
		name, rest, _ := strings.Cut(arg, "=")
		port, target, ok := strings.Cut(rest, ":")
		if !ok {
			log.Fatalf("%q is not name=port:target", arg)
		}
		listener, err := listenIn(*outer, port)
		if err != nil {
			log.Fatalf("listen for %s: %v", name, err)
		}
		ports[name] = listener.Addr().(*net.TCPAddr).Port
		go serve(listener, target)
	}
	if err := report(*out, ports); err != nil {
		log.Fatal(err)
	}
	select {}
}

// listenIn opens a loopback port in another network namespace: a socket belongs to the namespace that its thread is in
// when it is made, so a thread of its own goes there, and ends with its goroutine.
func listenIn(namespace, port string) (net.Listener, error) {
	type result struct {
		listener net.Listener
		err      error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread must not serve anything else
		file, err := os.Open(namespace)
		if err == nil {
			defer file.Close()
			if _, _, errno := syscall.RawSyscall(setns, file.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
				err = fmt.Errorf("enter %s: %w", namespace, errno)
			}
		}
		if err != nil {
			done <- result{err: err}
			return
		}
		listener, err := net.Listen("tcp4", "127.0.0.1:"+port)
		if err != nil {
			listener, err = net.Listen("tcp4", "127.0.0.1:0")
		}
		done <- result{listener, err}
	}()
	r := <-done
	return r.listener, r.err
}

func serve(listener net.Listener, target string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Printf("accept for %s: %v", target, err)
			continue
		}
		go join(client, target)
	}
}

func join(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		log.Printf("connect to %s: %v", target, err)
		return
	}
	defer server.Close()
	copied := make(chan struct{})
	go func() {
		pipe(server, client)
		close(copied)
	}()
	pipe(client, server)
	<-copied
}

// pipe copies until the source ends, and then closes only this direction, so that half-closed connections work.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.(*net.TCPConn).CloseWrite()
}

// report writes the file under another name first: a reader sees all of it or nothing.
func report(file string, ports map[string]int) error {
	data, err := json.Marshal(ports)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".part", data, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".part", file)
}
