package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const testKeep = 256 << 10

// nginx appends numbered lines, one write each, as nginx does without a buffer.
type nginx struct {
	t       testing.TB
	file    *os.File
	written int64
}

func startNginx(t testing.TB, path string) *nginx {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &nginx{t: t, file: file}
}

func (n *nginx) log(count int) {
	for range count {
		n.written++
		line := fmt.Sprintf("2026-11-24T13:00:00+00:00 GET /%d 200 612B 0.001s\n", n.written)
		if _, err := n.file.WriteString(line); err != nil {
			n.t.Error(err)
		}
	}
}

func numberOf(line []byte) int64 {
	words := strings.Fields(string(line))
	if len(words) != 6 {
		return -1
	}
	number, err := strconv.ParseInt(strings.TrimPrefix(words[2], "/"), 10, 64)
	if err != nil {
		return -1
	}
	return number
}

func open(t testing.TB, path string) *Journal {
	t.Helper()
	journal, err := OpenJournal(path, testKeep)
	if err != nil {
		t.Fatal(err)
	}
	return journal
}

// crash leaves the journal as a killed process does.
func crash(journal *Journal) {
	journal.state.Close()
	journal.file.Close()
}

// reading is what a reader got, checked line by line.
type reading struct {
	t             testing.TB
	taken, missed int64
	last          int64
}

// drain reads what there is up to now. Every line has to be the one after all that were taken or missed.
func (r *reading) drain(reader *Reader) chan struct{} {
	for {
		_, missed, wait, err := reader.Next(-1, func(line []byte, number int64) bool {
			r.taken++
			if written := numberOf(line); written != number || number <= r.last {
				r.t.Errorf("line %d, after %d: %q", number, r.last, line)
			}
			r.last = number
			return true
		})
		if err != nil {
			r.t.Error(err)
			return nil
		}
		if r.missed += missed; wait != nil {
			return wait
		}
	}
}

func (r *reading) expect(taken, missed int64) {
	r.t.Helper()
	if r.taken != taken || r.missed != missed {
		r.t.Errorf("took %d and missed %d, expected %d and %d", r.taken, r.missed, taken, missed)
	}
}

func blocks(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Error(err)
		return 0
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

func logPath(t testing.TB) string { return filepath.Join(t.TempDir(), "access.log") }

func catchUp(t testing.TB, journal *Journal) {
	t.Helper()
	if err := journal.catchUp(); err != nil {
		t.Fatal(err)
	}
}

func TestReadsWhatWasWrittenBeforeAndAfter(t *testing.T) {
	path := logPath(t)
	nginx := startNginx(t, path)
	nginx.log(3)
	journal := open(t, path)
	defer journal.Close()
	got, reader := reading{t: t}, journal.FromLine(0)
	got.drain(reader)
	got.expect(3, 0)
	nginx.log(2)
	catchUp(t, journal)
	got.drain(reader)
	got.expect(5, 0)
}

func TestLineIsReadWhenItIsWhole(t *testing.T) {
	path := logPath(t)
	journal := open(t, path)
	defer journal.Close()
	nginx := startNginx(t, path)
	nginx.file.WriteString("2026-11-24T13:00:00+00:00 GET /1 ")
	catchUp(t, journal)
	got, reader := reading{t: t}, journal.FromLine(0)
	got.drain(reader)
	got.expect(0, 0)
	nginx.file.WriteString("200 612B 0.001s\n")
	catchUp(t, journal)
	got.drain(reader)
	got.expect(1, 0)
}

func TestTailAndFromLine(t *testing.T) {
	path := logPath(t)
	nginx := startNginx(t, path)
	nginx.log(20000)
	journal := open(t, path)
	defer journal.Close()
	start := journal.snapshot().start.Line
	if start == 0 {
		t.Fatal("nothing was trimmed")
	}
	for _, count := range []int64{0, 1, 7, 1000, 20000 - start, 20000, 1 << 40} {
		got := reading{t: t}
		got.drain(journal.Tail(count))
		got.expect(min(count, 20000-start), 0)
	}
	for _, number := range []int64{0, 1, start - 1, start, start + 1, 19999, 20000} {
		got := reading{t: t}
		got.drain(journal.FromLine(number))
		got.expect(20000-max(start, number), max(0, start-number))
	}
	// Of another log: all there is.
	got := reading{t: t}
	got.drain(journal.FromLine(20001))
	got.expect(20000-start, 0)
}

// A place at the window's edge, which moves while the place is looked for: what is gone by then is counted as missed.
func TestFromLineWhileTrimming(t *testing.T) {
	path := logPath(t)
	journal := open(t, path)
	defer journal.Close()
	nginx := startNginx(t, path)
	nginx.log(2 * testKeep / 50)
	catchUp(t, journal)
	var writing sync.WaitGroup
	writing.Add(1)
	stop := make(chan struct{})
	defer func() { close(stop); writing.Wait() }()
	go func() {
		defer writing.Done()
		for {
			select {
			case <-stop:
				return
			default:
				nginx.log(50)
				_ = journal.catchUp()
			}
		}
	}()
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		after := journal.snapshot().start.Line + 40
		reader := journal.FromLine(after)
		var first, missed int64
		for first == 0 {
			_, gone, _, err := reader.Next(-1, func(_ []byte, number int64) bool {
				first = number
				return false
			})
			if missed += gone; err != nil {
				t.Fatal(err)
			}
		}
		if first != after+1+missed {
			t.Fatalf("after %d: line %d, %d missed", after, first, missed)
		}
	}
}

// Under load: whatever a reader took and missed is all that was written, and the disk used stays bounded.
func TestLoad(t *testing.T) {
	path := logPath(t)
	journal := open(t, path)
	ctx, stop := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Add(1)
	go func() { defer following.Done(); journal.Follow(ctx, time.Millisecond) }()

	const each = 150000
	var writing, reading sync.WaitGroup
	readers := []*readingLoop{{pause: 0}, {pause: 0}, {pause: 20 * time.Millisecond}, {pause: 200 * time.Millisecond}}
	done := make(chan struct{})
	for _, loop := range readers {
		reading.Add(1)
		go func() { defer reading.Done(); loop.run(t, journal, done) }()
	}
	var most int64
	writing.Add(1)
	go func() {
		defer writing.Done()
		nginx := startNginx(t, path)
		for range each / 500 {
			nginx.log(500)
			most = max(most, blocks(t, path))
			// As far ahead as a busy machine may let it come; more would measure the machine.
			for time.Sleep(time.Millisecond); nginx.written-journal.Stats().Received > 4*testKeep/50; {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	writing.Wait()
	for journal.Stats().Received < each {
		time.Sleep(time.Millisecond)
	}
	close(done)
	reading.Wait()
	stop()
	following.Wait()
	for i, loop := range readers {
		if got := loop.got; got.taken+got.missed != each || got.last != each {
			t.Errorf("reader %d took %d and missed %d of %d, the last %d", i, got.taken, got.missed, each, got.last)
		}
		t.Logf("reader with pauses of %v: took %d, missed %d", loop.pause, loop.got.taken, loop.got.missed)
	}
	t.Logf("at most %d KiB on disk of %d KiB written", most>>10, journal.snapshot().end.Offset>>10)
	if most > 8*testKeep {
		t.Errorf("%d bytes on disk for a window of %d", most, testKeep)
	}
	catchUp(t, journal)
	if after := blocks(t, path); after > testKeep+testKeep/4 {
		t.Errorf("%d bytes on disk for a window of %d", after, testKeep)
	}
	journal.Close()
}

// Readers of the oldest lines, where holes are punched while they read.
func TestReadingWhereHolesArePunched(t *testing.T) {
	path := logPath(t)
	journal, err := OpenJournal(path, maxLine)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	var reading sync.WaitGroup
	for range 2 {
		reading.Add(1)
		go func() {
			defer reading.Done()
			for ctx.Err() == nil {
				now := journal.snapshot()
				reader := &Reader{journal: journal, generation: now.generation, at: now.start}
				reader.Next(-1, func(line []byte, number int64) bool {
					if written := numberOf(line); written != number {
						t.Errorf("line %d: %.80q", number, line)
						stop()
						return false
					}
					return true
				})
			}
		}()
	}
	nginx := startNginx(t, path)
	for ctx.Err() == nil {
		nginx.log(100)
		catchUp(t, journal)
	}
	reading.Wait()
	t.Logf("%d lines", nginx.written)
}

type readingLoop struct {
	pause time.Duration
	got   reading
}

func (l *readingLoop) run(t *testing.T, journal *Journal, done chan struct{}) {
	l.got.t = t
	reader := journal.FromLine(0)
	for {
		wait := l.got.drain(reader)
		select {
		case <-done:
			l.got.drain(reader)
			return
		case <-wait:
		}
		time.Sleep(l.pause)
	}
}

// The journal is killed or stopped again and again while nginx writes; a reader continues after the last line it got.
func TestRestarts(t *testing.T) {
	path := logPath(t)
	nginx := startNginx(t, path)
	got := reading{t: t}
	for round := range 30 {
		nginx.log(400)
		journal := open(t, path)
		reader := journal.FromLine(got.last)
		got.drain(reader)
		nginx.log(700)
		catchUp(t, journal)
		got.drain(reader)
		nginx.log(300)
		if round%2 == 0 {
			crash(journal)
		} else if err := journal.Close(); err != nil {
			t.Fatal(err)
		}
	}
	journal := open(t, path)
	defer journal.Close()
	got.drain(journal.FromLine(got.last))
	got.expect(nginx.written, 0)
	if stats := journal.Stats(); stats.Received != nginx.written || stats.Expired == 0 || stats.Resets != 0 {
		t.Errorf("%+v, %d written", stats, nginx.written)
	}
}

// A kill between saving the window's beginning and punching, and one in between of two saves.
func TestCrashWhileTrimming(t *testing.T) {
	path := logPath(t)
	nginx := startNginx(t, path)
	journal := open(t, path)
	nginx.log(9000)
	buffer := make([]byte, maxLine)
	for n := 1; n > 0; {
		n, _ = journal.count(buffer)
	}
	if !journal.moveStart() {
		t.Fatal("nothing to trim")
	}
	if _, err := OpenJournal(path, testKeep); err == nil || !strings.Contains(err.Error(), "another log-exporter") {
		t.Error(err)
	}
	journal.state.Close()
	unsaved := open(t, path)
	if stats := unsaved.Stats(); stats.Received != 9000 {
		t.Errorf("not saved: %+v", stats)
	}
	crash(unsaved)
	journal.state, _ = openState(path + ".state")
	if err := journal.save(); err != nil {
		t.Fatal(err)
	}
	start := journal.snapshot().start.Line
	crash(journal)
	again := open(t, path)
	defer again.Close()
	got := reading{t: t}
	got.drain(again.FromLine(0))
	got.expect(9000-start, start)
}

func TestNginxRestarts(t *testing.T) {
	path := logPath(t)
	journal := open(t, path)
	defer journal.Close()
	got, reader := reading{t: t}, journal.FromLine(0)
	var written int64
	for range 5 {
		nginx := startNginx(t, path)
		nginx.written = written
		nginx.log(10)
		nginx.file.Close()
		written = nginx.written
		catchUp(t, journal)
		got.drain(reader)
	}
	got.expect(50, 0)
}

// Someone moves the log away and nginx reopens it, by a signal or by a restart: nothing is lost, numbers go on.
func TestReplaced(t *testing.T) {
	path := logPath(t)
	nginx := startNginx(t, path)
	nginx.log(10)
	journal := open(t, path)
	got, reader := reading{t: t}, journal.FromLine(0)
	got.drain(reader)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	nginx.log(5)
	catchUp(t, journal)
	got.drain(reader)
	other := startNginx(t, path)
	nginx.log(5)
	catchUp(t, journal)
	other.written = nginx.written
	other.log(5)
	for range patience {
		catchUp(t, journal)
		got.drain(reader)
	}
	got.expect(25, 0)
	if stats := journal.Stats(); stats.Resets != 1 {
		t.Errorf("%+v", stats)
	}
	// While this program is away.
	journal.Close()
	os.Remove(path)
	another := startNginx(t, path)
	another.written = other.written
	another.log(5)
	journal = open(t, path)
	defer journal.Close()
	got.drain(journal.FromLine(got.last))
	got.expect(30, 0)
}

// A reader that had not come to the end of what was replaced is told how much it missed.
func TestReplacedBeforeItWasRead(t *testing.T) {
	path := logPath(t)
	nginx := startNginx(t, path)
	nginx.log(10)
	journal := open(t, path)
	defer journal.Close()
	got, reader := reading{t: t}, journal.FromLine(4)
	os.Remove(path)
	other := startNginx(t, path)
	other.written = 10
	other.log(3)
	for range patience {
		catchUp(t, journal)
	}
	got.drain(reader)
	got.expect(3, 6)
}

func TestCutBySomebodyElse(t *testing.T) {
	path := logPath(t)
	nginx := startNginx(t, path)
	nginx.log(100)
	journal := open(t, path)
	defer journal.Close()
	got, reader := reading{t: t}, journal.FromLine(0)
	got.drain(reader)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	nginx.log(3)
	catchUp(t, journal)
	got.drain(reader)
	got.expect(103, 0)
}

// Cut again and again while it is written and read: what is lost cannot be counted, but nothing comes twice or torn.
func TestCutWhileItIsRead(t *testing.T) {
	path := logPath(t)
	nginx := startNginx(t, path)
	journal := open(t, path)
	ctx, stop := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Add(2)
	go func() { defer following.Done(); journal.Follow(ctx, time.Millisecond) }()
	seen, torn := map[int64]bool{}, 0
	go func() {
		defer following.Done()
		reader := journal.FromLine(0)
		for ctx.Err() == nil {
			_, _, wait, _ := reader.Next(-1, func(line []byte, _ int64) bool {
				number := numberOf(line)
				if number < 0 {
					torn++
				} else if seen[number] {
					t.Errorf("line %d came twice", number)
				}
				seen[number] = true
				return true
			})
			if wait != nil {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	for range 50 {
		nginx.log(100)
		time.Sleep(2 * time.Millisecond)
		os.Truncate(path, 0)
	}
	nginx.log(10)
	time.Sleep(50 * time.Millisecond)
	stop()
	following.Wait()
	journal.Close()
	t.Logf("%d of %d lines seen, %d torn, %d resets", len(seen), nginx.written, torn, journal.Stats().Resets)
}

func TestStateIsLost(t *testing.T) {
	path := logPath(t)
	nginx := startNginx(t, path)
	nginx.log(20000)
	journal := open(t, path)
	kept := 20000 - journal.Stats().Expired
	crash(journal)
	if err := os.WriteFile(path+".state", []byte(`{"inode":1,"start":{"off`), 0o640); err != nil {
		t.Fatal(err)
	}
	journal = open(t, path)
	defer journal.Close()
	received := journal.Stats().Received
	// A hole ends at a page: up to one page of lines more, of which the first is not whole.
	if received < kept || received > kept+page/50 {
		t.Errorf("%d lines found, %d kept", received, kept)
	}
	var lines, bad int64
	reader := journal.FromLine(0)
	for {
		_, _, wait, _ := reader.Next(-1, func(line []byte, _ int64) bool {
			if lines++; numberOf(line) < 0 {
				bad++
			}
			return true
		})
		if wait != nil {
			break
		}
	}
	if bad != 0 || lines < kept {
		t.Errorf("%d lines read of %d, %d not whole", lines, kept, bad)
	}
}

func TestLinesTooLong(t *testing.T) {
	for _, length := range []int{maxLine - 2, maxLine - 1, maxLine, maxLine + 1, 3*maxLine + 5} {
		path := logPath(t)
		nginx := startNginx(t, path)
		nginx.log(2)
		nginx.file.WriteString(strings.Repeat("x", length) + "\n")
		journal := open(t, path)
		taken, missed, longest := int64(0), int64(0), 0
		for reader := journal.FromLine(0); ; {
			_, gone, wait, err := reader.Next(-1, func(line []byte, _ int64) bool {
				taken++
				longest = max(longest, len(line))
				return true
			})
			if missed += gone; err != nil || wait != nil {
				break
			}
		}
		if taken+missed != 3 || (length < maxLine) != (longest == length) {
			t.Errorf("%d bytes: %d taken, %d missed, the longest %d", length, taken, missed, longest)
		}
		journal.Close()
	}
}

// A line without end: disk stays bounded, and what comes after it is read.
func TestEndlessLine(t *testing.T) {
	path := logPath(t)
	nginx := startNginx(t, path)
	nginx.log(2)
	journal := open(t, path)
	defer journal.Close()
	got, reader := reading{t: t}, journal.FromLine(0)
	got.drain(reader)
	for range 40 {
		nginx.file.WriteString(strings.Repeat("x", testKeep/8))
		catchUp(t, journal)
		got.drain(reader)
		if used := blocks(t, path); used > 2*testKeep {
			t.Fatalf("%d bytes on disk", used)
		}
	}
	nginx.file.WriteString("\n")
	nginx.written++
	nginx.log(2)
	catchUp(t, journal)
	got.drain(reader)
	got.expect(4, 1)
}

// As a volume in memory is when this program was away for long: nginx's lines are dropped, and that is told.
func TestVolumeWithoutRoom(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=512k"); err != nil {
		t.Skip("mounting needs root: ", err)
	}
	defer syscall.Unmount(folder, syscall.MNT_DETACH)
	path := filepath.Join(folder, "access.log")
	if _, err := OpenJournal(path, 512<<10); err == nil || !strings.Contains(err.Error(), "-keep smaller") {
		t.Error(err)
	}
	crash(open(t, path))
	file := startNginx(t, path).file
	var written int64
	for {
		if _, err := fmt.Fprintf(file, "2026-11-24T13:00:00+00:00 GET /%d 200 612B 0.001s\n", written+1); errors.Is(err, syscall.ENOSPC) {
			break
		}
		written++
	}
	journal := open(t, path)
	defer journal.Close()
	stats := journal.Stats()
	if stats.Full != 1 || stats.Received != written {
		t.Errorf("%+v, %d written", stats, written)
	}
	if _, err := file.WriteString("there is room again\n"); err != nil {
		t.Error(err)
	}
	catchUp(t, journal)
	if stats := journal.Stats(); stats.Full != 1 || stats.Received != written+1 {
		t.Errorf("%+v, %d written", stats, written+1)
	}
}

func TestUnusableVolumes(t *testing.T) {
	folder := t.TempDir()
	for path, expected := range map[string]string{
		filepath.Join(folder, "absent", "access.log"): "nginx writes its log to",
		"/proc/access.log":                            "",
		folder:                                        "is a directory",
	} {
		if _, err := OpenJournal(path, testKeep); err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := OpenJournal(filepath.Join(folder, "access.log"), 1); err == nil {
		t.Error("a window of one byte")
	}
	syscall.Mkfifo(filepath.Join(folder, "fifo"), 0o600)
	if _, err := OpenJournal(filepath.Join(folder, "fifo"), testKeep); err == nil {
		t.Error("a fifo")
	}
	entries, _ := filepath.Glob(filepath.Join(folder, ".probe-*"))
	if len(entries) > 0 {
		t.Error(entries)
	}
}
