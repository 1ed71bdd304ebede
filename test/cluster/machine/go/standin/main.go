// Command standin is a small stand-in for the project's nginx images: the same contract, without nginx.
//
// STANDIN_MODE, set in the image, makes it fail in one particular way: crash, oom, never-ready, wrong-ping or slow.
package main

import (
	"fmt"
	"html"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	go stopOnSignal()
	mode := os.Getenv("STANDIN_MODE")
	switch mode {
	case "crash":
		fmt.Fprintln(os.Stderr, "standin: fatal: cannot read its configuration (this image always crashes)")
		os.Exit(1)
	case "oom":
		fillMemory()
	case "slow":
		fmt.Println("standin: starting slowly")
		time.Sleep(20 * time.Second)
	}
	http.HandleFunc("GET /ping", ping(mode))
	http.HandleFunc("GET /resolve/{name}", resolve)
	http.HandleFunc("GET /{$}", page)
	fmt.Println("standin: listening on :8080")
	log.Fatal(http.ListenAndServe(":8080", logged(http.DefaultServeMux)))
}

// stopOnSignal ends at once, since process 1 of a container has no default action for signals.
func stopOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	<-signals
	os.Exit(0)
}

func app() string {
	return os.Getenv("APP_NAME") + "-" + os.Getenv("COUNTRY")
}

func ping(mode string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		switch mode {
		case "never-ready":
			http.Error(w, "not ready", http.StatusServiceUnavailable)
		case "wrong-ping":
			fmt.Fprint(w, "hello from somebody else")
		default:
			fmt.Fprint(w, "hello from "+app())
		}
	}
}

func page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!doctype html><title>%[1]s</title><h1>%[1]s</h1><p>version %[2]s</p>\n",
		html.EscapeString(app()), html.EscapeString(os.Getenv("STANDIN_VERSION")))
}

// resolve looks a name up the way any program in the pod would, and answers one address per line.
func resolve(w http.ResponseWriter, r *http.Request) {
	addresses, err := net.DefaultResolver.LookupHost(r.Context(), r.PathValue("name"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintln(w, strings.Join(addresses, "\n"))
}

// fillMemory touches every page: memory that is only asked for is not charged to the container.
func fillMemory() {
	fmt.Println("standin: filling the memory")
	var held [][]byte
	for {
		block := make([]byte, 4<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		held = append(held, block)
		time.Sleep(time.Millisecond)
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := &statusWriter{w, http.StatusOK}
		next.ServeHTTP(recorder, r)
		fmt.Printf("%s %q %d %q\n", r.RemoteAddr, r.Method+" "+r.URL.RequestURI(), recorder.status, r.UserAgent())
	})
}
