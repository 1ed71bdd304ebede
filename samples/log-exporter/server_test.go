package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// service is the whole program, on a port of its own.
type service struct {
	t    testing.TB
	url  string
	end  func() error
	path string
}

func start(t testing.TB, path string) *service {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	address, ended := make(chan net.Addr, 1), make(chan error, 1)
	asked, err := parseFlags([]string{"-file", path, "-listen", "127.0.0.1:0", "-keep", strconv.Itoa(testKeep), "-interval", "2ms"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	// Longer than any machine is busy: what ends soon has ended without them.
	asked.grace, asked.stall = 5*time.Minute, 5*time.Minute
	go func() { ended <- run(ctx, asked, func(at net.Addr) { address <- at }) }()
	var once sync.Once
	var result error
	end := func() error { once.Do(func() { cancel(); result = <-ended }); return result }
	t.Cleanup(func() { end() })
	select {
	case at := <-address:
		return &service{t: t, url: "http://" + at.String(), end: end, path: path}
	case err := <-ended:
		t.Fatal(err)
		return nil
	}
}

func (s *service) get(path string, accept ...string) (*http.Response, string) {
	s.t.Helper()
	request, _ := http.NewRequest("GET", s.url+path, nil)
	for _, kind := range accept {
		request.Header.Set("Accept", kind)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response, string(body)
}

func (s *service) stats() map[string]int64 {
	s.t.Helper()
	_, body := s.get("/stats")
	var stats map[string]int64
	if err := json.Unmarshal([]byte(body), &stats); err != nil {
		s.t.Fatal(err)
	}
	return stats
}

// received waits until so many lines were counted.
func (s *service) received(count int64) {
	s.t.Helper()
	s.eventually(func() bool { return s.stats()["received"] == count })
}

func (s *service) eventually(condition func() bool) {
	s.t.Helper()
	for end := time.Now().Add(4 * time.Minute); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatal("it did not happen: ", s.stats())
		}
	}
}

func TestLogs(t *testing.T) {
	s := start(t, logPath(t))
	nginx := startNginx(t, s.path)
	nginx.log(300)
	s.received(300)
	line := func(number int) string {
		return fmt.Sprintf("2026-11-24T13:00:00+00:00 GET /%d 200 612B 0.001s\n", number)
	}
	value := func(number int) string {
		return fmt.Sprintf(`{"line":%d,"time":"2026-11-24T13:00:00+00:00","method":"GET","path":"/%d","status":200,"bytes":612,"seconds":0.001}`, number, number)
	}
	for _, c := range []struct{ path, accept, kind, body string }{
		{"/logs?tail=2", "", "text/plain; charset=utf-8", line(299) + line(300)},
		{"/logs?tail=2", "*/*", "text/plain; charset=utf-8", line(299) + line(300)},
		{"/logs?tail=2&format=json", "text/plain", "application/json", "[" + value(299) + ",\n" + value(300) + "]\n"},
		{"/logs?tail=2", "text/html, application/json;q=0.9", "application/json", "[" + value(299) + ",\n" + value(300) + "]\n"},
		{"/logs?tail=1&format=ndjson", "", "application/x-ndjson", value(300) + "\n"},
		{"/logs?tail=0", "", "text/plain; charset=utf-8", ""},
		{"/logs?tail=0&format=json", "", "application/json", "[]\n"},
		{"/logs?after=299", "", "text/plain; charset=utf-8", line(300)},
		{"/logs?after=100&tail=1", "", "text/plain; charset=utf-8", line(300)},
		{"/logs?since=2026-11-24T13:00:01Z", "", "text/plain; charset=utf-8", ""},
		{"/logs?since=2026-11-24T14:00:00%2b01:00&tail=1", "", "text/plain; charset=utf-8", line(300)},
		{"/logs?since=2026-11-24T14:00:00+01:00&tail=1", "", "text/plain; charset=utf-8", line(300)},
	} {
		response, body := s.get(c.path, c.accept)
		if response.StatusCode != 200 || body != c.body || response.Header.Get("Content-Type") != c.kind {
			t.Errorf("%s: %s %v %q", c.path, response.Status, response.Header, body)
		}
	}
	for path, expected := range map[string]int{"/logs": 100, "/logs?tail=all": 300, "/logs?since=2026-11-24T12:00:00Z": 300} {
		if _, body := s.get(path); strings.Count(body, "\n") != expected {
			t.Errorf("%s: %d lines", path, strings.Count(body, "\n"))
		}
	}
	for _, query := range []string{"tail=x", "tail=-1", "since=x", "since=-1m", "after=-1", "follow=yes", "format=xml"} {
		if response, body := s.get("/logs?" + query); response.StatusCode != 400 || !strings.Contains(body, "expected") {
			t.Errorf("%s: %s %s", query, response.Status, body)
		}
	}
	response, err := http.Post(s.url+"/logs", "text/plain", nil)
	if err != nil || response.StatusCode != http.StatusMethodNotAllowed {
		t.Error(response, err)
	}
}

func TestSinceADuration(t *testing.T) {
	s := start(t, logPath(t))
	file := startNginx(t, s.path).file
	now := time.Now()
	for _, age := range []time.Duration{3 * time.Hour, 2 * time.Hour, 30 * time.Minute, 5 * time.Minute} {
		fmt.Fprintf(file, "%s GET /%s 200 1B 0.000s\nno time\n", now.Add(-age).Format(time.RFC3339), age)
	}
	s.received(8)
	for since, expected := range map[string]int{"1m": 0, "10m": 2, "1h": 4, "150m": 6, "24h": 8} {
		if _, body := s.get("/logs?since=" + since); strings.Count(body, "\n") != expected {
			t.Errorf("%s: %q", since, body)
		}
	}
}

func TestNothingPrivate(t *testing.T) {
	s := start(t, logPath(t))
	file := startNginx(t, s.path).file
	io.WriteString(file, `192.0.2.7 - - [24/Nov/2026:13:18:50 +0100] "GET /a?token=secret HTTP/1.1" 200 5 "https://x.example/?q=secret" "curl"`+"\n")
	io.WriteString(file, "client=192.0.2.7 /?token=secret\n")
	s.received(2)
	for _, format := range []string{"text", "json", "ndjson"} {
		if _, body := s.get("/logs?format=" + format); strings.Contains(body, "192.0.2.7") || strings.Contains(body, "secret") || !strings.Contains(body, "/a") {
			t.Error(body)
		}
	}
}

// follow reads a stream of JSON until stop; numbers have to go up, each once.
type stream struct {
	taken, missed, last int64
	err                 error
}

func (f *stream) read(body io.Reader, pause func(int64)) {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var value struct{ Line, Missed int64 }
		if err := json.Unmarshal(lines.Bytes(), &value); err != nil {
			f.err = fmt.Errorf("%q: %w", lines.Text(), err)
			return
		}
		if f.missed += value.Missed; value.Line > 0 {
			if value.Line <= f.last {
				f.err = fmt.Errorf("%d after %d", value.Line, f.last)
			}
			f.taken++
			f.last = value.Line
		}
		pause(value.Line)
	}
}

// narrow has small buffers, so that a slow reader is one to the server soon.
var narrow = http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
	connection, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		connection.(*net.TCPConn).SetReadBuffer(64 << 10)
	}
	return connection, err
}}}

// Under load, over HTTP, a reader and one that stops for a while: lines in = lines out + the counter.
func TestFollowUnderLoad(t *testing.T) {
	s := start(t, logPath(t))
	var reading sync.WaitGroup
	streams, written := [2]stream{}, make(chan struct{})
	for i := range streams {
		response, err := narrow.Get(s.url + "/logs?follow=1&tail=0&format=json")
		if err != nil {
			t.Fatal(err)
		}
		if response.Header.Get("X-Accel-Buffering") != "no" {
			t.Error(response.Header)
		}
		reading.Add(1)
		go func() {
			defer reading.Done()
			defer response.Body.Close()
			streams[i].read(response.Body, func(line int64) {
				if i == 1 && line == 1000 {
					<-written
				}
			})
		}()
	}
	const total = 100000
	nginx := startNginx(t, s.path)
	begun := time.Now()
	for range total / 100 {
		nginx.log(100)
		time.Sleep(2 * time.Millisecond)
	}
	took := time.Since(begun)
	s.received(total)
	close(written)
	s.eventually(func() bool {
		stats := s.stats()
		return stats["served"]+stats["missed"] == 2*total
	})
	if err := s.end(); err != nil {
		t.Error(err)
	}
	reading.Wait()
	if streams[1].missed == 0 {
		t.Error("the slow reader was not slow enough to miss anything")
	}
	for i, got := range streams {
		t.Logf("reader %d at %.0f lines/s: took %d, missed %d", i, total/took.Seconds(), got.taken, got.missed)
		if got.err != nil || got.taken+got.missed != total || got.last != total {
			t.Errorf("reader %d: %+v", i, got)
		}
	}
}

// What a reader missed comes before the lines it goes on with, as they came.
func TestMissedComesFirst(t *testing.T) {
	s := start(t, logPath(t))
	const total = 20000
	startNginx(t, s.path).log(total)
	s.received(total)
	for _, format := range []string{"ndjson", "text"} {
		_, body := s.get("/logs?after=0&format=" + format)
		first, rest, _ := strings.Cut(body, "\n")
		var missed, line int64
		fmt.Sscanf(first, map[string]string{"ndjson": `{"missed":%d}`, "text": "# %d lines missed"}[format], &missed)
		if missed == 0 || int64(strings.Count(rest, "\n"))+missed != total {
			t.Errorf("%q, then %d lines", first, strings.Count(rest, "\n"))
		}
		if fmt.Sscanf(rest, `{"line":%d`, &line); format == "ndjson" && line != missed+1 {
			t.Errorf("%d missed, then line %d", missed, line)
		}
	}
}

// A client continues after its last line when the program was restarted under it, and gets each line once.
func TestFollowOverRestarts(t *testing.T) {
	path := logPath(t)
	nginx := startNginx(t, path)
	got := stream{}
	writing, stop := context.WithCancel(context.Background())
	var written sync.WaitGroup
	var last atomic.Int64
	written.Add(1)
	go func() {
		defer written.Done()
		for writing.Err() == nil {
			// No further ahead of the reader than the window reaches, however long a restart takes.
			if nginx.written-last.Load() < testKeep/100 {
				nginx.log(10)
			}
			time.Sleep(2 * time.Millisecond)
		}
	}()
	for range 8 {
		s := start(t, path)
		response, err := http.Get(fmt.Sprintf("%s/logs?follow=1&format=json&after=%d", s.url, got.last))
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		time.AfterFunc(100*time.Millisecond, func() { s.end() })
		if got.read(response.Body, last.Store); time.Since(begin) > time.Minute {
			t.Errorf("the stream ended after %v", time.Since(begin))
		}
		response.Body.Close()
		begun := time.Now()
		if err := s.end(); err != nil || time.Since(begun) > time.Minute {
			t.Errorf("ended after %v: %v", time.Since(begun), err)
		}
	}
	stop()
	written.Wait()
	s := start(t, path)
	_, body := s.get(fmt.Sprintf("/logs?format=ndjson&after=%d", got.last))
	got.read(strings.NewReader(body), func(int64) {})
	if got.err != nil || got.taken != nginx.written || got.missed != 0 {
		t.Errorf("%+v of %d", got, nginx.written)
	}
}

func TestStopEndsAnIdleStream(t *testing.T) {
	s := start(t, logPath(t))
	response, err := http.Get(s.url + "/logs?follow=1")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	begun := time.Now()
	time.AfterFunc(50*time.Millisecond, func() { s.end() })
	if body, err := io.ReadAll(response.Body); err != nil || len(body) > 0 || time.Since(begun) > time.Minute {
		t.Errorf("%q %v after %v", body, err, time.Since(begun))
	}
}

func TestStreamFreesItsPlace(t *testing.T) {
	s := start(t, logPath(t))
	response, err := http.Get(s.url + "/logs?follow=1")
	if err != nil {
		t.Fatal(err)
	}
	s.eventually(func() bool { return s.stats()["readers"] == 1 })
	response.Body.Close()
	s.eventually(func() bool { return s.stats()["readers"] == 0 })
}

// Clients that ask and then take nothing cost neither memory nor lines of others, and are given up.
func TestStalledReaders(t *testing.T) {
	path := logPath(t)
	journal := open(t, path)
	ctx, stop := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Add(1)
	go func() { defer following.Done(); journal.Follow(ctx, 2*time.Millisecond) }()
	handler := NewServer(ctx, journal, Private{})
	// Longer than the reader that takes everything is kept waiting on a busy machine.
	handler.stallTime = 3 * time.Second
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler.Handler()}
	go server.Serve(listener)
	url := "http://" + listener.Addr().String()
	for range maxReaders - 1 {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		connection.(*net.TCPConn).SetReadBuffer(4096)
		fmt.Fprintf(connection, "GET /logs?follow=1&tail=0 HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	s := &service{t: t, url: url, path: path}
	s.eventually(func() bool { return s.stats()["readers"] == maxReaders-1 })
	response, err := http.Get(url + "/logs?follow=1&tail=0&format=json")
	if err != nil {
		t.Fatal(err)
	}
	got := stream{}
	var reading sync.WaitGroup
	reading.Add(1)
	go func() { defer reading.Done(); got.read(response.Body, func(int64) {}) }()
	s.eventually(func() bool { return s.stats()["readers"] == maxReaders })
	if refused, _ := s.get("/logs"); refused.StatusCode != 503 || refused.Header.Get("Retry-After") == "" || s.stats()["refused"] != 1 {
		t.Error(refused.Status)
	}
	nginx := startNginx(t, path)
	var memory runtime.MemStats
	var most uint64
	begun := time.Now()
	for round := 0; s.stats()["readers"] > 1; round++ {
		nginx.log(2000)
		if round%10 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&memory)
			most = max(most, memory.HeapAlloc)
		}
		if time.Sleep(10 * time.Millisecond); time.Since(begun) > 5*time.Minute {
			t.Fatal("stalled readers are not given up")
		}
	}
	s.received(nginx.written)
	t.Logf("%d lines, heap at most %d KiB", nginx.written, most>>10)
	if most > 24<<20 {
		t.Errorf("%d bytes of heap", most)
	}
	stop()
	following.Wait()
	reading.Wait()
	server.Close()
	journal.Close()
	if got.err != nil || got.taken+got.missed > nginx.written || got.last < nginx.written/2 {
		t.Errorf("%+v of %d", got, nginx.written)
	}
}

func TestHealthAndMetrics(t *testing.T) {
	s := start(t, logPath(t))
	startNginx(t, s.path).log(7)
	s.received(7)
	s.get("/logs?tail=3")
	if response, body := s.get("/healthz"); response.StatusCode != 200 || body != "ok\n" {
		t.Error(response.Status, body)
	}
	_, body := s.get("/metrics")
	for _, line := range []string{"log_exporter_received_total 7", "log_exporter_served_total 3", "# TYPE log_exporter_bytes gauge", "log_exporter_missed_total 0"} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("no %q in\n%s", line, body)
		}
	}
}

func TestUnhealthy(t *testing.T) {
	journal := open(t, logPath(t))
	health := func() string {
		answer := &recorder{header: http.Header{}}
		NewServer(context.Background(), journal, Private{}).healthz(answer, nil)
		return fmt.Sprint(answer.status, " ", answer.String())
	}
	journal.lastPoll = time.Now().Add(-6 * time.Second)
	if text := health(); text != "503 the log was not read for 5 seconds\n" {
		t.Error(text)
	}
	crash(journal)
	if err := journal.catchUp(); err == nil {
		t.Error("a closed file is no problem")
	}
	if text := health(); !strings.Contains(text, "503") || !strings.Contains(text, "closed") {
		t.Error(text)
	}
}

type recorder struct {
	bytes.Buffer
	header http.Header
	status int
}

func (r *recorder) Header() http.Header    { return r.header }
func (r *recorder) WriteHeader(status int) { r.status = status }

func TestFlags(t *testing.T) {
	asked, err := parseFlags(nil, io.Discard)
	if err != nil || asked.file != "/logs/access.log" || asked.listen != ":8081" || asked.show != (Private{}) {
		t.Errorf("%+v %v", asked, err)
	}
	for _, arguments := range [][]string{{"-x"}, {"x"}, {"-interval", "0s"}, {"-keep", "x"}} {
		var output bytes.Buffer
		if _, err := parseFlags(arguments, &output); err == nil || output.Len() == 0 {
			t.Errorf("%v: %v", arguments, err)
		}
	}
}

func TestCannotStart(t *testing.T) {
	folder := t.TempDir()
	asked := options{file: filepath.Join(folder, "access.log"), listen: "127.0.0.1:x", keep: testKeep, interval: time.Millisecond}
	if err := run(context.Background(), asked, nil); err == nil {
		t.Error("a port that is none")
	}
	asked.file = filepath.Join(folder, "absent", "access.log")
	if err := run(context.Background(), asked, nil); err == nil {
		t.Error("a folder that is not there")
	}
}

func FuzzQuery(f *testing.F) {
	f.Add("tail=1&follow=1&since=10m&format=json&after=3", "application/json, */*")
	f.Fuzz(func(t *testing.T, query, accept string) {
		request := &http.Request{URL: &url.URL{RawQuery: query}, Header: http.Header{"Accept": {accept}}}
		asked, err := parseQuery(request, time.Now())
		if err == nil && (asked.tail < -1 || asked.after < -1 || asked.format.contentType == "") {
			t.Errorf("%+v", asked)
		}
	})
}
