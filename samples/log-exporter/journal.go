package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	maxLine   = 64 << 10 // a longer line is counted as missed: nginx's longest, 8 KiB of URI with every byte as \xXX, has half of it
	punchMode = 0x03     // FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
	seekData  = 3        // SEEK_DATA
	page      = 4096
	stateSize = 512 // bytes; five numbers of 20 digits and their names are 170
	patience  = 10  // looks at a replaced log until the new one is read
)

// position is a place between two lines of the log.
type position struct {
	Offset int64 `json:"offset"` // in bytes
	Line   int64 `json:"line"`   // lines before it since the log began, over restarts and new files
	// Inside a line whose beginning is gone: what follows up to the next line break is no line to serve.
	Inside bool `json:"inside,omitempty"`
}

// Journal is nginx's log file used as a ring buffer: nginx appends, and what is older than the newest Keep bytes is
// given back to the file system by punching a hole into the front of the file. Nothing is moved or cut off, so no
// write of nginx's can be lost to it, and an offset names the same line for as long as the file exists.
type Journal struct {
	path  string
	keep  int64
	state *os.File

	mu          sync.Mutex
	file        *os.File
	inode       uint64
	generation  int64      // of the file: another one after it was replaced or cut
	start, end  position   // what can be read
	read        int64      // offset up to which bytes were counted; end is behind it by what has no line break yet
	marks       []position // places between start and end where the window can begin
	punched     int64      // offset up to which the file is a hole
	changed     chan struct{}
	otherSince  int // looks that found another file under the name
	resets      int64
	full        int64 // times that the volume was found without room
	isFull      bool
	lastPoll    time.Time
	lastProblem error
}

// state is what is written beside the log, so that line numbers go on after a restart.
type state struct {
	Inode uint64   `json:"inode"`
	Start position `json:"start"`
	// Of the last write; the beginning of another file continues from here.
	End position `json:"end"`
}

// OpenJournal opens the log at path, or makes it, and counts what is in it. keep is the size of the window in bytes, at
// least 64 KiB. It fails where the file system cannot punch holes or is too small for the window.
func OpenJournal(path string, keep int64) (*Journal, error) {
	if keep < maxLine {
		return nil, fmt.Errorf("the window has to be at least %d bytes, a line may be as long", maxLine)
	}
	journal := &Journal{path: path, keep: keep, changed: make(chan struct{})}
	if err := checkVolume(filepath.Dir(path), keep); err != nil {
		return nil, err
	}
	var err error
	if journal.state, err = openState(path + ".state"); err != nil {
		return nil, err
	}
	if journal.file, journal.inode, err = openLog(path); err == nil {
		err = journal.resume()
	}
	if err == nil {
		err = journal.save()
	}
	if err == nil {
		err = journal.catchUp()
	}
	if err != nil {
		journal.state.Close()
		journal.file.Close()
		return nil, err
	}
	return journal, nil
}

// checkVolume tries out, in a file of its own, whether the folder's file system can punch holes and has room for
// the window, what is above it before it is trimmed, and as much again while this program restarts.
func checkVolume(folder string, keep int64) error {
	var volume syscall.Statfs_t
	if err := syscall.Statfs(folder, &volume); err != nil {
		return fmt.Errorf("%s: %w; it has to be a folder that nginx writes its log to", folder, err)
	}
	if size := int64(volume.Blocks) * int64(volume.Bsize); size < keep+keep/2 {
		return fmt.Errorf("%s has %d bytes, a window of %d needs half as much more: make the volume larger or -keep smaller", folder, size, keep)
	}
	probe, err := os.CreateTemp(folder, ".probe-")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", folder, err)
	}
	defer os.Remove(probe.Name())
	defer probe.Close()
	if _, err := probe.Write(make([]byte, 2*page)); err != nil && !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%s cannot be written: %w", folder, err)
	}
	if err := syscall.Fallocate(int(probe.Fd()), punchMode, 0, page); err != nil {
		return fmt.Errorf("%s: its file system cannot punch holes (%w); ext4, xfs, btrfs and tmpfs can", folder, err)
	}
	return nil
}

// openLog opens the log; nginx finds it when it starts later, since both append to what is there.
func openLog(path string) (*os.File, uint64, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Sys().(*syscall.Stat_t).Ino, nil
}

// openState opens the file of the state, for this process alone: two would punch each other's windows away.
func openState(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w; another log-exporter has it", path, err)
	}
	return file, nil
}

// resume finds where the window begins: as it was saved, or, when that was lost, where the file has data.
func (j *Journal) resume() error {
	size, err := j.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	saved, known := j.load()
	switch {
	case known && saved.Inode == j.inode && saved.Start.Offset <= size && saved.End.Offset <= size:
		j.start = saved.Start
	case known:
		// Another file, or cut: its lines come after those that were counted.
		j.resets++
		j.start = position{Line: saved.End.Line}
	default:
		data, err := j.file.Seek(0, seekData)
		if errors.Is(err, syscall.ENXIO) {
			data = size
		} else if err != nil {
			return err
		}
		// A hole ends at a page, and that is inside of a line.
		j.start = position{Offset: data, Inside: data > 0 && data < size}
	}
	j.end, j.read, j.punched = j.start, j.start.Offset, 0
	return nil
}

// load reads what was saved, false when that is nothing or not whole.
func (j *Journal) load() (state, bool) {
	var saved state
	content, err := io.ReadAll(io.NewSectionReader(j.state, 0, stateSize))
	if err != nil || json.Unmarshal(content, &saved) != nil {
		return state{}, false
	}
	valid := saved.Start.Offset >= 0 && saved.Start.Line >= 0 && saved.End.Offset >= saved.Start.Offset && saved.End.Line >= saved.Start.Line
	return saved, valid
}

// save writes where the window begins. One write over the same bytes: a volume without room takes it, too, and a
// restart finds the old one or the new one.
func (j *Journal) save() error {
	content, err := json.Marshal(state{Inode: j.inode, Start: j.start, End: j.end})
	if err != nil {
		return err
	}
	_, err = j.state.WriteAt(append(content, bytes.Repeat([]byte{' '}, stateSize-len(content))...), 0)
	return err
}

// Follow counts new lines as they come and trims the window, every interval, until the context ends.
func (j *Journal) Follow(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = j.catchUp()
		}
	}
}

// Close counts what is there, saves where the window begins, and closes the log.
func (j *Journal) Close() error {
	err := j.catchUp()
	j.mu.Lock()
	defer j.mu.Unlock()
	return errors.Join(err, j.save(), j.state.Close(), j.file.Close())
}

// catchUp brings the journal up to the file's end. Only one goroutine calls it at a time.
func (j *Journal) catchUp() error {
	buffer := chunks.Get().(*[]byte)
	defer chunks.Put(buffer)
	j.noteRoom()
	err := j.checkFile(*buffer)
	for err == nil {
		var n int
		if n, err = j.count(*buffer); n == 0 {
			break
		}
		if err == nil {
			err = j.trim()
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lastProblem = err
	if err == nil {
		j.lastPoll = time.Now()
	}
	return err
}

// checkFile sees whether the log was cut or replaced, which nothing here does, and begins anew then. A replaced file
// is read for a little longer, and a removed one until there is another: nginx writes to it until it reopens its log.
func (j *Journal) checkFile(buffer []byte) error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < j.read {
		return j.begin(j.file, j.inode)
	}
	now, err := os.Stat(j.path)
	if errors.Is(err, os.ErrNotExist) || err == nil && now.Sys().(*syscall.Stat_t).Ino == j.inode {
		j.otherSince = 0
		return nil
	}
	if err != nil {
		return err
	}
	if j.otherSince++; j.otherSince < patience {
		return nil
	}
	for n := 1; n > 0; {
		if n, err = j.count(buffer); err != nil {
			return err
		}
	}
	file, inode, err := openLog(j.path)
	if err != nil {
		return err
	}
	return j.begin(file, inode)
}

// begin starts at the beginning of a file; line numbers go on.
func (j *Journal) begin(file *os.File, inode uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if file != j.file {
		j.file.Close()
	}
	j.file, j.inode, j.otherSince = file, inode, 0
	j.generation++
	j.resets++
	j.start = position{Line: j.end.Line}
	j.end, j.read, j.punched, j.marks = j.start, 0, 0, nil
	j.wake()
	return j.save()
}

// count reads the next bytes of the log, at most one buffer, and returns how many.
func (j *Journal) count(buffer []byte) (int, error) {
	n, err := j.file.ReadAt(buffer, j.read)
	if n == 0 {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if last := bytes.LastIndexByte(buffer[:n], '\n'); last >= 0 {
		j.end = position{Offset: j.read + int64(last) + 1, Line: j.end.Line + int64(bytes.Count(buffer[:last+1], []byte{'\n'}))}
		if len(j.marks) == 0 || j.end.Offset-j.marks[len(j.marks)-1].Offset >= j.keep/64 {
			j.marks = append(j.marks, j.end)
		}
		j.wake()
	}
	j.read += int64(n)
	return n, nil
}

// wake lets everybody know who waits for new lines; mu is held.
func (j *Journal) wake() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// trim moves the window's beginning and punches away what is before it, in this order: a reader that finds the
// beginning where it was after it read has read no hole, and a restart finds no beginning that is punched away.
func (j *Journal) trim() error {
	if !j.moveStart() {
		return nil
	}
	if err := j.save(); err != nil {
		return err
	}
	until := j.start.Offset / page * page
	if until <= j.punched {
		return nil
	}
	if err := syscall.Fallocate(int(j.file.Fd()), punchMode, j.punched, until-j.punched); err != nil {
		return fmt.Errorf("punching a hole into %s: %w", j.path, err)
	}
	j.punched = until
	return nil
}

// moveStart reports whether the window's beginning moved. It waits until an eighth is too much, to trim seldom.
func (j *Journal) moveStart() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.read-j.start.Offset <= j.keep+j.keep/8 {
		return false
	}
	old := j.start
	for j.read-j.start.Offset > j.keep && len(j.marks) > 0 {
		j.start, j.marks = j.marks[0], j.marks[1:]
	}
	if j.read-j.start.Offset > j.keep {
		// One line as long as the whole window.
		j.start = position{Offset: j.read, Line: j.end.Line, Inside: true}
		j.end = j.start
	}
	return j.start != old
}

// noteRoom sees whether nginx found room for its lines: it drops those it cannot write, and nobody can count them.
func (j *Journal) noteRoom() {
	var volume syscall.Statfs_t
	if syscall.Statfs(filepath.Dir(j.path), &volume) != nil {
		return
	}
	full := volume.Bavail == 0
	j.mu.Lock()
	defer j.mu.Unlock()
	if full && !j.isFull {
		j.full++
	}
	j.isFull = full
}

// JournalStats is what is known about the log; lines are counted since it began, over restarts.
type JournalStats struct {
	Received int64 // lines
	Expired  int64 // of these, lines that are no longer in the window
	Bytes    int64 // in the window
	Resets   int64 // times the log was cut or replaced by somebody else
	Full     int64 // times the volume had no room left for nginx's lines
	LastPoll time.Time
	Problem  error
}

// Stats returns the counters as they are now.
func (j *Journal) Stats() JournalStats {
	j.mu.Lock()
	defer j.mu.Unlock()
	return JournalStats{
		Received: j.end.Line, Expired: j.start.Line, Bytes: j.end.Offset - j.start.Offset,
		Resets: j.resets, Full: j.full, LastPoll: j.lastPoll, Problem: j.lastProblem,
	}
}
