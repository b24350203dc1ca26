package main

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseChat(t *testing.T) {
	got, err := parseChat("chat.txt", "# a comment\n\n 5 alice !say  two   words \r\n12 bob x\n5 eve y")
	if err != nil {
		t.Fatal(err)
	}
	want := []chatLine{{5, "alice", "!say  two   words"}, {12, "bob", "x"}, {5, "eve", "y"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(chatLine{})); diff != "" {
		t.Error(diff)
	}
	if lines, err := parseChat("chat", ourChat); err != nil || len(lines) == 0 {
		t.Errorf("our own chat: %d lines, %v", len(lines), err)
	}
}

func TestParseChatErrors(t *testing.T) {
	for _, line := range []string{"alice hello", "5", "5 alice", "5 alice  ", "0 alice x", "-1 alice x", "99999999999999999999 alice x", "5.5 alice x"} {
		lines, err := parseChat("chat.txt", "1 bob fine\n"+line)
		r, ok := errors.AsType[*refusal](err)
		if !ok || r.What != "chat.txt:2" {
			t.Errorf("%q: %v, %v", line, lines, err)
		}
	}
}

func FuzzParseChat(f *testing.F) {
	f.Add(ourChat)
	f.Add("5 \xff\x1b \x00")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := parseChat("chat.txt", text)
		if err != nil {
			if _, ok := errors.AsType[*refusal](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		for _, line := range lines {
			if line.tick < 1 || line.player == "" || line.text == "" {
				t.Fatalf("%+v", line)
			}
		}
	})
}
