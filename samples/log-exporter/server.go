package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	defaultTail = 100
	maxReaders  = 32               // requests to /logs at one time
	pieceSize   = 32 << 10         // an answer is written in pieces of about so many bytes
	stallTime   = 30 * time.Second // a client that takes nothing for so long is gone
)

// Server answers requests about one journal.
type Server struct {
	journal  *Journal
	show     Private
	stopping context.Context // ends streams
	slots    chan struct{}

	served, missed, readers, refused atomic.Int64
	stallTime                        time.Duration
}

// NewServer makes a server whose streams end with the context.
func NewServer(stopping context.Context, journal *Journal, show Private) *Server {
	return &Server{journal: journal, show: show, stopping: stopping, slots: make(chan struct{}, maxReaders), stallTime: stallTime}
}

// Handler has GET /logs, /healthz, /stats and /metrics.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /logs", s.logs)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /stats", s.stats)
	mux.HandleFunc("GET /metrics", s.metrics)
	return mux
}

// query is what a request to /logs asks for.
type query struct {
	tail   int64 // -1: all
	after  int64 // -1: not asked for
	follow bool
	since  time.Time // zero: not asked for
	format format
}

type format struct {
	contentType string
	json        bool
	array       bool // of JSON, else a line each
}

var (
	formatText  = format{contentType: "text/plain; charset=utf-8"}
	formatLines = format{contentType: "application/x-ndjson", json: true}
	formatArray = format{contentType: "application/json", json: true, array: true}
)

func parseQuery(r *http.Request, now time.Time) (query, error) {
	values := r.URL.Query()
	asked := query{tail: defaultTail, after: -1}
	var err error
	if asked.follow, err = parseBool(values.Get("follow")); err != nil {
		return query{}, err
	}
	if text := values.Get("since"); text != "" {
		if asked.since, err = parseSince(text, now); err != nil {
			return query{}, err
		}
		asked.tail = -1
	}
	if text := values.Get("after"); text != "" {
		if asked.after, err = strconv.ParseInt(text, 10, 64); err != nil || asked.after < 0 {
			return query{}, fmt.Errorf("after=%q: expected the number of a line", text)
		}
		asked.tail = -1
	}
	if text := values.Get("tail"); text == "all" {
		asked.tail = -1
	} else if text != "" {
		if asked.tail, err = strconv.ParseInt(text, 10, 64); err != nil || asked.tail < 0 {
			return query{}, fmt.Errorf("tail=%q: expected a number of lines, or all", text)
		}
	}
	asked.format, err = chooseFormat(values.Get("format"), r.Header.Get("Accept"), asked.follow)
	return asked, err
}

func parseBool(text string) (bool, error) {
	switch text {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	}
	return false, fmt.Errorf("follow=%q: expected 1 or 0", text)
}

// parseSince reads a time of RFC 3339 or a duration back from now, as 10m.
func parseSince(text string, now time.Time) (time.Time, error) {
	if back, err := time.ParseDuration(text); err == nil && back >= 0 {
		// nginx logs whole seconds.
		return now.Add(-back).Truncate(time.Second), nil
	}
	// A plus that was not encoded has become a space.
	at, err := time.Parse(time.RFC3339, strings.ReplaceAll(text, " ", "+"))
	if err != nil {
		return time.Time{}, fmt.Errorf("since=%q: expected a duration as 10m, or a time as 2026-11-24T13:00:00Z", text)
	}
	return at, nil
}

// chooseFormat: what is asked for by name, else the first of Accept that is known; a stream of JSON is a value per line.
func chooseFormat(name, accept string, follow bool) (format, error) {
	if name == "" {
		name = "text"
		for _, part := range strings.Split(accept, ",") {
			kind, _, _ := strings.Cut(part, ";")
			known := map[string]string{"application/json": "json", "application/x-ndjson": "ndjson", "text/plain": "text", "text/*": "text"}[strings.TrimSpace(kind)]
			if known != "" {
				name = known
				break
			}
		}
	}
	switch {
	case name == "text":
		return formatText, nil
	case name == "ndjson" || name == "json" && follow:
		return formatLines, nil
	case name == "json":
		return formatArray, nil
	}
	return format{}, fmt.Errorf("format=%q: expected text, json or ndjson", name)
}

func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	asked, err := parseQuery(r, time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		s.refused.Add(1)
		w.Header().Set("Retry-After", "5")
		http.Error(w, fmt.Sprintf("%d others read the log already", maxReaders), http.StatusServiceUnavailable)
		return
	}
	s.readers.Add(1)
	defer s.readers.Add(-1)
	header := w.Header()
	header.Set("Content-Type", asked.format.contentType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	// nginx would collect a stream before it passes it on.
	header.Set("X-Accel-Buffering", "no")
	s.send(r.Context(), s.newAnswer(w, asked), asked)
}

// send writes the lines that are there, and those that come when asked to follow.
func (s *Server) send(client context.Context, out *answer, asked query) {
	reader, until := s.start(asked)
	defer out.end()
	for {
		_, missed, wait, err := reader.Next(until, out.line)
		out.miss(missed)
		if err != nil || out.flush(wait != nil) != nil {
			return
		}
		if !asked.follow && (wait != nil || reader.at.Line >= until) {
			return
		}
		if wait == nil {
			// A stream that is behind ends, too.
			if client.Err() != nil || s.stopping.Err() != nil {
				return
			}
			continue
		}
		select {
		case <-wait:
		case <-client.Done():
			return
		case <-s.stopping.Done():
			return
		}
	}
}

// start finds the first line for a request, and the number of the last, -1 for a stream.
func (s *Server) start(asked query) (*Reader, int64) {
	until := s.journal.snapshot().end.Line
	if asked.follow {
		until = -1
	}
	var reader *Reader
	switch {
	case asked.after >= 0:
		reader = s.journal.FromLine(asked.after)
	case asked.tail < 0 || !asked.since.IsZero():
		reader = s.journal.FromStart()
	default:
		return s.journal.Tail(asked.tail), until
	}
	if !asked.since.IsZero() {
		reader = s.since(reader, asked.since)
	}
	if asked.tail >= 0 {
		last := s.journal.Tail(asked.tail)
		if last.at.Line > reader.at.Line {
			reader = last
		}
	}
	return reader, until
}

// since moves a reader to the first line of that time or later. nginx writes lines in the order of their times, but for
// a clock that is set; from that line on all are sent.
func (s *Server) since(reader *Reader, since time.Time) *Reader {
	for {
		found := false
		_, _, wait, err := reader.next(func(line []byte) bool {
			at := LineTime(line)
			found = !at.IsZero() && !at.Before(since)
			return !found
		})
		if found || wait != nil || err != nil {
			return reader
		}
	}
}

// answer collects lines and writes them in pieces.
type answer struct {
	server  *Server
	writer  http.ResponseWriter
	control *http.ResponseController
	format  format
	buffer  []byte
	begun   bool // a value of the array was written
	lines   int64
	missed  int64
}

func (s *Server) newAnswer(w http.ResponseWriter, asked query) *answer {
	out := &answer{server: s, writer: w, control: http.NewResponseController(w), format: asked.format}
	if asked.format.array {
		out.buffer = append(out.buffer, '[')
	}
	return out
}

// line takes a line in, false when what there is has to be written first.
func (a *answer) line(line []byte, number int64) bool {
	if len(a.buffer) >= pieceSize {
		return false
	}
	entry := Parse(string(line), a.server.show)
	entry.Line = number
	if a.format.json {
		a.encode(entry)
	} else {
		a.buffer = append(entry.AppendText(a.buffer), '\n')
	}
	a.lines++
	return true
}

// miss tells the reader how many lines were gone before it came to them.
func (a *answer) miss(count int64) {
	if count == 0 {
		return
	}
	a.missed += count
	if a.format.json {
		a.encode(map[string]int64{"missed": count})
	} else {
		a.buffer = fmt.Appendf(a.buffer, "# %d lines missed\n", count)
	}
}

func (a *answer) encode(value any) {
	// Strings and numbers: it cannot fail.
	content, _ := json.Marshal(value)
	if a.format.array && a.begun {
		a.buffer = append(a.buffer, ',', '\n')
	}
	a.begun = true
	a.buffer = append(a.buffer, content...)
	if !a.format.array {
		a.buffer = append(a.buffer, '\n')
	}
}

// flush writes what was collected; through to the client when there is nothing more for now.
func (a *answer) flush(through bool) error {
	_ = a.control.SetWriteDeadline(time.Now().Add(a.server.stallTime))
	if _, err := a.writer.Write(a.buffer); err != nil {
		return err
	}
	if a.buffer = a.buffer[:0]; cap(a.buffer) > 4*pieceSize {
		a.buffer = nil // a line of an extraordinary length
	}
	a.server.served.Add(a.lines)
	a.server.missed.Add(a.missed)
	a.lines, a.missed = 0, 0
	if through {
		return a.control.Flush()
	}
	return nil
}

func (a *answer) end() {
	if a.format.array {
		a.buffer = append(a.buffer, ']', '\n')
	}
	_ = a.flush(true)
}

// healthz answers 503 when the log was not read for five seconds.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	stats := s.journal.Stats()
	switch {
	case stats.Problem != nil:
		http.Error(w, stats.Problem.Error(), http.StatusServiceUnavailable)
	case time.Since(stats.LastPoll) > 5*time.Second:
		http.Error(w, "the log was not read for 5 seconds", http.StatusServiceUnavailable)
	default:
		fmt.Fprintln(w, "ok")
	}
}

// counter is one number of /stats and /metrics.
type counter struct {
	name, help string
	value      int64
	gauge      bool
}

func (s *Server) counters() []counter {
	stats := s.journal.Stats()
	return []counter{
		{"received", "Lines that nginx wrote, over restarts.", stats.Received, false},
		{"expired", "Of these, lines that are no longer kept.", stats.Expired, false},
		{"served", "Lines sent, to all readers.", s.served.Load(), false},
		{"missed", "Lines that were gone before a reader came to them, of all readers.", s.missed.Load(), false},
		{"resets", "Times the log was cut or replaced by somebody else.", stats.Resets, false},
		{"full", "Times the volume had no room: nginx dropped lines, as its error log says.", stats.Full, false},
		{"refused", "Requests refused because too many others read the log.", s.refused.Load(), false},
		{"readers", "Requests that read the log now.", s.readers.Load(), true},
		{"bytes", "Bytes kept.", stats.Bytes, true},
	}
}

func (s *Server) stats(w http.ResponseWriter, _ *http.Request) {
	values := map[string]int64{}
	for _, counter := range s.counters() {
		values[counter.name] = counter.value
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(values)
}

// metrics is the same for Prometheus.
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	for _, counter := range s.counters() {
		name, kind := "log_exporter_"+counter.name, "gauge"
		if !counter.gauge {
			name, kind = name+"_total", "counter"
		}
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", name, counter.help, name, kind, name, counter.value)
	}
}
