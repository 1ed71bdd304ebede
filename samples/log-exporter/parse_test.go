package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var all = Private{Addresses: true, Queries: true}

func TestParse(t *testing.T) {
	brief := "2026-11-24T13:18:50+01:00 "
	combined := `192.0.2.7 - ann [24/Nov/2026:13:18:50 +0100] `
	for _, c := range []struct{ name, line, hidden, json string }{
		{"brief", brief + "GET /style.css 200 612B 0.004s", brief + "GET /style.css 200 612B 0.004s",
			`{"line":0,"time":"2026-11-24T13:18:50+01:00","method":"GET","path":"/style.css","status":200,"bytes":612,"seconds":0.004}`},
		{"brief, spaces and numbers in the path", brief + "GET /a 500 9B 1.000s b 404 0B 0.000s", brief + "GET /a 500 9B 1.000s b 404 0B 0.000s",
			`{"line":0,"time":"2026-11-24T13:18:50+01:00","method":"GET","path":"/a 500 9B 1.000s b","status":404,"bytes":0,"seconds":0}`},
		{"brief, a question mark in the path", brief + "GET /a?name=John Doe 200 1B 0.000s", brief + "GET /a 200 1B 0.000s",
			`{"line":0,"time":"2026-11-24T13:18:50+01:00","method":"GET","path":"/a","status":200,"bytes":1,"seconds":0}`},
		{"brief, no request", brief + "- - 400 150B 0.000s", brief + "- - 400 150B 0.000s",
			`{"line":0,"time":"2026-11-24T13:18:50+01:00","method":"-","path":"-","status":400,"bytes":150,"seconds":0}`},
		{"combined", combined + `"GET /a?token=x HTTP/1.1" 200 5 "http://example.org/?q=1" "Mozilla/5.0 (X11; rv:1.2.3.4)"`,
			`- - ann [24/Nov/2026:13:18:50 +0100] "GET /a" 200 5 "http://example.org/" "Mozilla/5.0 (X11; rv:1.2.3.4)"`,
			`{"line":0,"time":"2026-11-24T13:18:50+01:00","method":"GET","path":"/a","status":200,"bytes":5,"referrer":"http://example.org/","agent":"Mozilla/5.0 (X11; rv:1.2.3.4)"}`},
		{"common", combined + `"GET /a HTTP/1.1" 200 5`, `- - ann [24/Nov/2026:13:18:50 +0100] "GET /a" 200 5 "-" "-"`,
			`{"line":0,"time":"2026-11-24T13:18:50+01:00","method":"GET","path":"/a","status":200,"bytes":5}`},
		{"combined, no request", combined + `"\x16\x03\x01" 400 150 "-" "-"`, `- - ann [24/Nov/2026:13:18:50 +0100] "\x16\x03\x01" 400 150 "-" "-"`,
			`{"line":0,"time":"2026-11-24T13:18:50+01:00","path":"\\x16\\x03\\x01","status":400,"bytes":150}`},
		{"other", `10.0.0.1:4711 forwarded="[2001:db8::1]:80, 192.0.2.1" GET /a?b=c#d "https://192.0.2.9:8443/x?y" 200`,
			`- forwarded="-, -" GET /a "-" 200`, `{"line":0,"text":"- forwarded=\"-, -\" GET /a \"-\" 200"}`},
		{"empty", "", "", `{"line":0}`},
	} {
		entry := Parse(c.line, Private{})
		if text := string(entry.AppendText(nil)); text != c.hidden {
			t.Errorf("%s: %s", c.name, text)
		}
		if content, _ := json.Marshal(entry); string(content) != c.json {
			t.Errorf("%s: %s", c.name, content)
		}
	}
}

func TestParseShowsWhatIsAskedFor(t *testing.T) {
	line := `192.0.2.7 - - [24/Nov/2026:13:18:50 +0100] "GET /a?b=c HTTP/1.1" 200 5 "https://x.example/?q" "curl"`
	if entry := Parse(line, Private{Queries: true}); entry.Client != "" || entry.Query != "b=c" || entry.Referrer != "https://x.example/?q" {
		t.Errorf("%+v", entry)
	}
	if entry := Parse(line, Private{Addresses: true}); entry.Client != "192.0.2.7" || entry.Query != "" || entry.Referrer != "https://x.example/" {
		t.Errorf("%+v", entry)
	}
	entry := Parse(line, all)
	if text := string(entry.AppendText(nil)); text != strings.Replace(line, " HTTP/1.1", "", 1) {
		t.Error(text)
	}
}

func TestIsAddress(t *testing.T) {
	for _, word := range []string{"192.0.2.1", "192.0.2.1:80", "::1", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80", "::ffff:192.0.2.1", "fe80::1%eth0", "192.0.2.1.", "http://192.0.2.1:80/x", "http://[::1]/"} {
		if !isAddress(word) {
			t.Error(word)
		}
	}
	for _, word := range []string{"", "-", "13:18:50", "1.2.3", "/192.0.2.1", "Chrome/120.0.0.0", "2026-11-24T13:18:50+00:00", "a:b", "::x", "http://example.org/", "https://%zz"} {
		if isAddress(word) {
			t.Error(word)
		}
	}
}

func TestLineTime(t *testing.T) {
	expected := time.Date(2026, 11, 24, 12, 18, 50, 0, time.UTC)
	for _, line := range []string{"2026-11-24T13:18:50+01:00 GET", `192.0.2.7 - - [24/Nov/2026:13:18:50 +0100] "GET`, "2026-11-24T12:18:50Z"} {
		if at := LineTime([]byte(line)); !at.Equal(expected) {
			t.Errorf("%s: %v", line, at)
		}
	}
	for _, line := range []string{"", "x", "x [", "x - [y]", "2026-13-24T13:18:50+01:00 GET"} {
		if at := LineTime([]byte(line)); !at.IsZero() {
			t.Errorf("%s: %v", line, at)
		}
	}
}

// Whatever is in a line: one line comes out, valid JSON, no word in it is an address, no query is left, and what came
// out once comes out the same again.
func FuzzParse(f *testing.F) {
	for _, line := range []string{
		"", "-", "2026-11-24T13:18:50+01:00 GET /a?b c 200 612B 0.004s", "2026-11-24T13:18:50+01:00 GET  400 0B 0.000s",
		`192.0.2.7 - - [24/Nov/2026:13:18:50 +0100] "GET /a?b=c HTTP/1.1" 200 5 "https://192.0.2.1/?q" "curl ?x 10.0.0.1"`,
		`::1 - a [b] [24/Nov/2026:13:18:50 +0100] "? HTTP/" 200 5 "" ""`, "a 10.0.0.1,10.0.0.2;[::1]:80 ?q=1", "\xff?\x00 1.2.3.4", "?", "1.2.3.4?",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n\r") {
			return
		}
		LineTime([]byte(line))
		entry := Parse(line, Private{})
		text := string(entry.AppendText(nil))
		content, err := json.Marshal(entry)
		if err != nil || !json.Valid(content) || strings.Contains(text, "\n") {
			t.Fatalf("%q: %v", text, err)
		}
		if strings.Contains(text, "?") {
			t.Errorf("a query in %q", text)
		}
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\"',;=()<>|{}", r) }) {
			if isAddress(word) {
				t.Errorf("an address in %q", text)
			}
		}
		again := Parse(text, Private{})
		if twice := string(again.AppendText(nil)); twice != text {
			t.Errorf("%q became %q", text, twice)
		}
		shown := Parse(line, all)
		_ = shown.AppendText(nil)
	})
}
