package main

import (
	"bytes"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Entry is a line of nginx's access log. What the log does not hold, or may not be shown, is left out.
type Entry struct {
	Line     int64    `json:"line"`
	Time     string   `json:"time,omitempty"` // RFC 3339
	Client   string   `json:"client,omitempty"`
	Method   string   `json:"method,omitempty"`
	Path     string   `json:"path,omitempty"`
	Query    string   `json:"query,omitempty"`
	Status   int      `json:"status,omitempty"`
	Bytes    *int64   `json:"bytes,omitempty"`
	Seconds  *float64 `json:"seconds,omitempty"`
	Referrer string   `json:"referrer,omitempty"`
	Agent    string   `json:"agent,omitempty"`
	Text     string   `json:"text,omitempty"` // of a line in neither format

	combined bool
	rest     string // combined: between client and time, as it was
}

// Private says what of a visitor may be shown.
type Private struct{ Addresses, Queries bool }

// Parse reads a line in the samples' format `brief` or in nginx's `combined`. Any other line is kept as Text. It never
// fails: a log is written by whoever sends requests.
func Parse(line string, show Private) Entry {
	line = strings.ToValidUTF8(strings.TrimSuffix(line, "\r"), "\uFFFD")
	entry, ok := parseBrief(line)
	if !ok {
		entry, ok = parseCombined(line)
	}
	if !ok {
		return Entry{Text: scrub(line, show)}
	}
	entry.hide(show)
	return entry
}

// parseBrief reads `time method uri status bytesB seconds`. The uri is decoded, so it may hold spaces: the words before
// it and after it cannot.
func parseBrief(line string) (Entry, bool) {
	when, rest, ok1 := strings.Cut(line, " ")
	method, rest, ok2 := strings.Cut(rest, " ")
	_, err := time.Parse(time.RFC3339, when)
	if !ok1 || !ok2 || err != nil || !isMethod(method) {
		return Entry{}, false
	}
	rest, seconds, ok1 := cutLast(rest)
	rest, size, ok2 := cutLast(rest)
	path, status, ok3 := cutLast(rest)
	entry := Entry{Time: when, Method: method, Path: path}
	if !ok1 || !ok2 || !ok3 || !strings.HasSuffix(size, "B") || !strings.HasSuffix(seconds, "s") {
		return Entry{}, false
	}
	took, err := strconv.ParseFloat(seconds[:len(seconds)-1], 64)
	if err != nil || !decimal(seconds[:len(seconds)-1]) {
		return Entry{}, false
	}
	entry.Seconds = &took
	return entry, entry.setNumbers(status, size[:len(size)-1])
}

// parseCombined reads `client - user [time] "request" status bytes "referrer" "agent"`; the last two may be missing.
func parseCombined(line string) (Entry, bool) {
	client, rest, ok1 := strings.Cut(line, " ")
	names, rest, ok2 := strings.Cut(rest, " [")
	when, rest, ok3 := strings.Cut(rest, `] "`)
	request, rest, ok4 := strings.Cut(rest, `" `)
	at, err := time.Parse("02/Jan/2006:15:04:05 -0700", when)
	if !ok1 || !ok2 || !ok3 || !ok4 || err != nil || !strings.HasPrefix(names, "- ") {
		return Entry{}, false
	}
	status, rest, _ := strings.Cut(rest, " ")
	size, rest, more := strings.Cut(rest, " ")
	entry := Entry{Client: client, Time: at.Format(time.RFC3339), combined: true, rest: names + " [" + when + "]"}
	if more {
		referrer, agent, ok := strings.Cut(strings.TrimPrefix(rest, `"`), `" "`)
		if !ok || !strings.HasPrefix(rest, `"`) || !strings.HasSuffix(agent, `"`) {
			return Entry{}, false
		}
		entry.Referrer, entry.Agent = dash(referrer), dash(strings.TrimSuffix(agent, `"`))
	}
	method, target, ok := strings.Cut(request, " ")
	if last := strings.LastIndex(target, " HTTP/"); last >= 0 {
		target = target[:last]
	}
	if ok && isMethod(method) {
		entry.Method = method
	}
	// What is no request (bytes of a TLS handshake, say) is shown as it is.
	if entry.Path = target; entry.Method == "" {
		entry.Path = request
	}
	entry.Path, entry.Query, _ = strings.Cut(entry.Path, "?")
	return entry, entry.setNumbers(status, size)
}

// setNumbers takes in status and size, false when they are none.
func (e *Entry) setNumbers(status, size string) bool {
	code, err := strconv.Atoi(status)
	if err != nil || len(status) != 3 || code < 100 {
		return false
	}
	length, err := strconv.ParseInt(size, 10, 64)
	if err != nil || !decimal(size) {
		return false
	}
	e.Status, e.Bytes = code, &length
	return true
}

// hide drops what may not be shown: queries first, since an address may stand before one.
func (e *Entry) hide(show Private) {
	if !show.Queries {
		e.Query = ""
		// No query of its own, but $uri is decoded: a %3F in it is a question mark here, and spaces may follow.
		e.Path, _, _ = strings.Cut(e.Path, "?")
		e.Referrer, _, _ = strings.Cut(e.Referrer, "?")
	}
	if !show.Addresses {
		e.Client = ""
	}
	for _, text := range []*string{&e.Path, &e.Referrer, &e.Agent, &e.rest} {
		*text = scrub(*text, show)
	}
}

// AppendText writes the entry as a line of the format that it came in.
func (e *Entry) AppendText(to []byte) []byte {
	switch {
	case e.Text != "" || e.Time == "":
		return append(to, e.Text...)
	case e.combined:
		return e.appendCombined(to)
	}
	to = append(to, e.Time+" "+e.Method+" "+e.Path+" "...)
	to = strconv.AppendInt(to, int64(e.Status), 10)
	to = strconv.AppendInt(append(to, ' '), *e.Bytes, 10)
	to = strconv.AppendFloat(append(to, "B "...), *e.Seconds, 'f', 3, 64)
	return append(to, 's')
}

func (e *Entry) appendCombined(to []byte) []byte {
	orDash := func(text string) string {
		if text == "" {
			return "-"
		}
		return text
	}
	target := e.Path
	if e.Query != "" {
		target += "?" + e.Query
	}
	to = append(to, orDash(e.Client)+" "+e.rest+` "`...)
	to = append(to, strings.TrimPrefix(e.Method+" "+target, " ")+`" `...)
	to = strconv.AppendInt(to, int64(e.Status), 10)
	to = strconv.AppendInt(append(to, ' '), *e.Bytes, 10)
	return append(to, ` "`+orDash(e.Referrer)+`" "`+orDash(e.Agent)+`"`...)
}

// scrub drops, in a line of any format, words that are addresses and what looks like a query: from a question mark on
// for as long as a URI can go.
func scrub(text string, show Private) string {
	if !show.Queries && strings.Contains(text, "?") {
		text = withoutQueries(text)
	}
	if show.Addresses || !strings.ContainsAny(text, ".:") {
		return text
	}
	var out strings.Builder
	for len(text) > 0 {
		end := strings.IndexAny(text, " \t\"',;=()<>|{}")
		if end < 0 {
			end = len(text)
		}
		if isAddress(text[:end]) {
			out.WriteByte('-')
		} else {
			out.WriteString(text[:end])
		}
		if end < len(text) {
			out.WriteByte(text[end])
			end++
		}
		text = text[end:]
	}
	return out.String()
}

func withoutQueries(text string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "?")
		out.WriteString(before)
		end := strings.IndexAny(after, " \t\"<>")
		if !found || end < 0 {
			return out.String()
		}
		text = after[end:]
	}
}

// isAddress takes 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1]:80, and each as the host of a URL.
func isAddress(word string) bool {
	if at := strings.Index(word, "://"); at >= 0 {
		parsed, err := url.Parse(word)
		return err == nil && isAddress(parsed.Host)
	}
	word = strings.TrimRight(word, ".:")
	if strings.HasSuffix(word, ":") || strings.Count(word, ".") != 3 && strings.Count(word, ":") < 2 {
		return false
	}
	if _, err := netip.ParseAddrPort(word); err == nil {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(word, "[]"))
	return err == nil
}

// LineTime is the time of a line without the rest of it, zero when it has none.
func LineTime(line []byte) time.Time {
	first, rest, _ := bytes.Cut(line, []byte{' '})
	if at, err := time.Parse(time.RFC3339, string(first)); err == nil {
		return at
	}
	if _, rest, ok := bytes.Cut(rest, []byte(" [")); ok {
		if when, _, ok := bytes.Cut(rest, []byte{']'}); ok {
			at, _ := time.Parse("02/Jan/2006:15:04:05 -0700", string(when))
			return at
		}
	}
	return time.Time{}
}

func cutLast(text string) (before, last string, ok bool) {
	at := strings.LastIndexByte(text, ' ')
	if at < 0 {
		return "", text, false
	}
	return text[:at], text[at+1:], true
}

// isMethod: nginx takes capital letters, _ and - for methods, and logs - for none.
func isMethod(word string) bool {
	return word != "" && strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-") == ""
}

func decimal(text string) bool { return strings.Trim(text, "0123456789.") == "" }

func dash(text string) string {
	if text == "-" {
		return ""
	}
	return text
}
