// Command log-exporter serves nginx's access log over HTTP, from a volume that it shares with nginx.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// maxConnections bounds what clients that only connect can cost.
const maxConnections = 128

type options struct {
	file     string
	listen   string
	keep     int64
	interval time.Duration
	grace    time.Duration // for answers that are under way at the end
	stall    time.Duration // until a client that takes nothing is gone
	show     Private
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	asked, err := parseFlags(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2)
	}
	if err := run(ctx, asked, nil); err != nil {
		fmt.Fprintln(os.Stderr, "log-exporter:", err)
		os.Exit(1)
	}
}

func parseFlags(arguments []string, output io.Writer) (options, error) {
	asked := options{grace: 5 * time.Second, stall: stallTime}
	flags := flag.NewFlagSet("log-exporter", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&asked.file, "file", "/logs/access.log", "the log that nginx appends to, on a volume of its own")
	flags.StringVar(&asked.listen, "listen", ":8081", "address to serve on")
	flags.Int64Var(&asked.keep, "keep", 4<<20, "bytes of the log to keep, at least 65536")
	flags.DurationVar(&asked.interval, "interval", 100*time.Millisecond, "time between two looks at the log")
	flags.BoolVar(&asked.show.Addresses, "show-addresses", false, "show addresses of clients, where the log holds them")
	flags.BoolVar(&asked.show.Queries, "show-queries", false, "show query strings, where the log holds them")
	err := flags.Parse(arguments)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err == nil && asked.interval < time.Millisecond {
		err = errors.New("-interval has to be at least 1ms")
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(output, "log-exporter:", err)
	}
	return asked, err
}

// run serves until the context ends; then streams end, other answers get the time of grace, and the state is saved. listening is
// told the address, nil: nobody.
func run(ctx context.Context, asked options, listening func(net.Addr)) error {
	journal, err := OpenJournal(asked.file, asked.keep)
	if err != nil {
		return err
	}
	plain, err := net.Listen("tcp", asked.listen)
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	following, unfollow := context.WithCancel(context.Background())
	var followed sync.WaitGroup
	followed.Add(1)
	go func() {
		defer followed.Done()
		journal.Follow(following, asked.interval)
	}()
	handler := NewServer(ctx, journal, asked.show)
	handler.stallTime = asked.stall
	server := &http.Server{
		Handler:           handler.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	if listening != nil {
		listening(plain.Addr())
	}
	err = serve(ctx, server, &limitedListener{Listener: plain, slots: make(chan struct{}, maxConnections)}, asked.grace)
	unfollow()
	followed.Wait()
	return errors.Join(err, journal.Close())
}

func serve(ctx context.Context, server *http.Server, listener net.Listener, grace time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if server.Shutdown(patience) != nil {
		return server.Close()
	}
	return nil
}

// limitedListener accepts a connection only when fewer than cap(slots) are open.
type limitedListener struct {
	net.Listener
	slots chan struct{}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	l.slots <- struct{}{}
	connection, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConnection{Conn: connection, slots: l.slots}, nil
}

type limitedConnection struct {
	net.Conn
	slots chan struct{}
	once  sync.Once
}

func (c *limitedConnection) Close() error {
	c.once.Do(func() { <-c.slots })
	return c.Conn.Close()
}
