package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// whole is the document of exec as encoding/json would make it.
func whole(r *execReport) any {
	results := make([]string, len(r.Results))
	for i, text := range r.Results {
		results[i] = jsonText(text)
	}
	return struct {
		ending
		Results []string `json:"results"`
		account
	}{r.ending, results, r.account}
}

// The document that is written piece by piece is the one that is made as a whole.
func TestDocumentInPieces(t *testing.T) {
	for _, results := range [][]string{
		{}, {""}, {"a", "", "b"}, {`"}`, "\x1b[2J\u202e", "\xff\xfe", "<b>&amp;</b>\u2028"},
		{strings.Repeat("\xff", 3*jsonPiece+1)},
		{strings.Repeat("x", jsonPiece-1) + "\U0001f680" + strings.Repeat("y", jsonPiece)},
		{strings.Repeat("x", jsonPiece-2) + "é" + "\xe2\x80"},
		{strings.Repeat("x", jsonPiece-2) + "\xf0\x9f\x9a", "\xf0"},
		{"\b\t\n\f\r\v\x00\x1f\x7f\\\"/\u0085\u00a0\ufffd\U000e0041"},
		{strings.Repeat("\u202e€\xed\xa0\x80", jsonPiece)},
	} {
		r := &execReport{ending: ending{Status: "ok", Error: `a "b"`}, Results: results, account: account{spent: spent{Instructions: 7}, OmittedBytes: int64(len(results))}}
		got := captured(t, false, func(s *stream) { (&console{out: s}).writeDocument(r) })
		want := captured(t, false, func(s *stream) { (&console{out: s}).writeJSON(whole(r)) })
		if diff := cmp.Diff(want, got); diff != "" || !json.Valid([]byte(got)) {
			t.Errorf("%.40q: %s", results, diff)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		in      string // separated by |
		most    int64
		want    string
		omitted int64
	}{
		{"", 0, "", 0},
		{"ab|c", 100, "ab|c", 0},
		{"ab|c", 5, "ab|c", 0},
		{"ab|c", 4, "ab|… (1 byte left out)", 1},
		{"ab|cd|ef", 5, "ab|c… (1 byte left out)|… (1 more result left out)", 3},
		{"ab|cd|ef|gh", 2, "a… (1 byte left out)|… (3 more results left out)", 7},
		{"abc", 0, "… (3 bytes left out)", 3},
		{"é€", 4, "é… (3 bytes left out)", 3},
		{"\xff\xff\xff", 3, "\xff\xff… (1 byte left out)", 1},
	} {
		got, omitted := within(strings.Split(tt.in, "|"), tt.most)
		if diff := cmp.Diff(strings.Split(tt.want, "|"), got); diff != "" || omitted != tt.omitted {
			t.Errorf("%q within %d: %d omitted, want %d: %s", tt.in, tt.most, omitted, tt.omitted, diff)
		}
	}
	if got, _ := within(nil, 10); got == nil || len(got) > 0 {
		t.Errorf("no results are %#v", got)
	}
}
