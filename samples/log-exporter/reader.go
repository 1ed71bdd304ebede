package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
)

// chunks are the buffers that the log is read with; no reader holds more than one.
var chunks = sync.Pool{New: func() any {
	buffer := make([]byte, maxLine)
	return &buffer
}}

// Reader reads lines out of a journal, each at its own pace: what it is too slow for goes out of the window and is
// counted for it. It holds nothing but its place, so a slow reader costs no memory and holds nobody up.
type Reader struct {
	journal    *Journal
	generation int64
	at         position
}

// snapshot is the journal's window at one moment.
type snapshot struct {
	file       *os.File
	generation int64
	start, end position
	changed    chan struct{} // closed when there is more
}

func (j *Journal) snapshot() snapshot {
	j.mu.Lock()
	defer j.mu.Unlock()
	return snapshot{file: j.file, generation: j.generation, start: j.start, end: j.end, changed: j.changed}
}

// FromStart reads from the oldest line that is kept.
func (j *Journal) FromStart() *Reader {
	now := j.snapshot()
	return &Reader{journal: j, generation: now.generation, at: now.start}
}

// FromLine reads the lines after the one with this number, 0 before the first. A number that is yet to come is of a log
// that has begun anew, and reads from the start.
func (j *Journal) FromLine(number int64) *Reader {
	j.mu.Lock()
	reader := &Reader{journal: j, generation: j.generation, at: j.start}
	for _, mark := range j.marks {
		if mark.Line <= number && number <= j.end.Line {
			reader.at = mark
		}
	}
	gone := number < j.start.Line
	ahead := number > j.end.Line
	j.mu.Unlock()
	if gone {
		// Of no file, so that the first read counts them as missed.
		return &Reader{journal: j, generation: -1, at: position{Line: number}}
	}
	for !ahead && reader.at.Line < number {
		before := reader.at
		if _, _, _, err := reader.next(func([]byte) bool { return reader.at.Line < number }); err != nil || reader.at == before {
			break
		}
		if reader.at.Line > number {
			// The window moved past it meanwhile: counted as above.
			return &Reader{journal: j, generation: -1, at: position{Line: number}}
		}
	}
	return reader
}

// Tail reads the last count lines.
func (j *Journal) Tail(count int64) *Reader {
	now := j.snapshot()
	if count <= 0 {
		return &Reader{journal: j, generation: now.generation, at: now.end}
	}
	return j.FromLine(max(now.start.Line, now.end.Line-count))
}

// Next calls take with each whole line that can be read at once, without its line break, until it returns false for one
// that is to be read later; the bytes are valid during the call only. It returns how many lines were taken, how many the reader came too late for, and a channel
// that closes when there is more; nil means that there is more already. Lines up to the number until are read, -1: all.
func (r *Reader) Next(until int64, take func(line []byte, number int64) bool) (taken, missed int64, wait chan struct{}, err error) {
	return r.next(func(line []byte) bool {
		return (until < 0 || r.at.Line < until) && take(line, r.at.Line+1)
	})
}

// next reads one buffer; take returns false for a line that is to stay unread.
func (r *Reader) next(take func(line []byte) bool) (taken, missed int64, wait chan struct{}, err error) {
	buffer := chunks.Get().(*[]byte)
	defer chunks.Put(buffer)
	data, missed, wait, err := r.read(*buffer)
	if err != nil || len(data) == 0 || missed > 0 {
		// What is missing was before these lines, and is told before they are.
		return 0, missed, wait, err
	}
	for len(data) > 0 {
		length := bytes.IndexByte(data, '\n')
		switch {
		case length < 0 && len(data) == len(*buffer):
			// Longer than any line nginx writes.
			r.at.Inside = true
			r.at.Offset += int64(len(data))
			return taken, missed, nil, nil
		case length < 0 && r.at.Inside:
			r.at.Offset += int64(len(data))
			return taken, missed, nil, nil
		case length < 0 && taken == 0:
			// A line break is gone that was there: cut by somebody else, which the journal sees with its next look.
			return taken, missed, r.journal.snapshot().changed, nil
		case length < 0:
			return taken, missed, nil, nil
		case r.at.Inside:
			missed++
			r.at.Inside = false
		case !take(data[:length]):
			return taken, missed, nil, nil
		default:
			taken++
		}
		r.at.Offset += int64(length) + 1
		r.at.Line++
		if data = data[length+1:]; missed > 0 {
			break
		}
	}
	return taken, missed, nil, nil
}

// read fills the buffer from the reader's place, which it first moves into the window.
func (r *Reader) read(buffer []byte) (data []byte, missed int64, wait chan struct{}, err error) {
	for {
		now := r.journal.snapshot()
		if r.generation != now.generation || r.at.Offset < now.start.Offset {
			missed += max(0, now.start.Line-r.at.Line)
			r.generation, r.at = now.generation, now.start
		}
		length := min(now.end.Offset-r.at.Offset, int64(len(buffer)))
		if length <= 0 {
			return nil, missed, now.changed, nil
		}
		n, err := now.file.ReadAt(buffer[:length], r.at.Offset)
		after := r.journal.snapshot()
		if after.generation != r.generation || after.start.Offset > r.at.Offset {
			continue // what was read may be a hole by now
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, missed, nil, err
		}
		if n == 0 {
			// Cut by somebody else; the journal sees it with its next look.
			return nil, missed, now.changed, nil
		}
		return buffer[:n], missed, nil, nil
	}
}
