//go:build !race

package main

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// The race detector allocates for what is otherwise on the stack.

// To write results takes no memory in proportion to them; to make the document as
// a whole takes many times what they have.
func TestDocumentIsNotHeld(t *testing.T) {
	const size = 1 << 20
	r := &execReport{Results: []string{strings.Repeat("\xff", size), strings.Repeat("\u202e", size/3), strings.Repeat("x", size)}}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	c := &console{out: newStream(null)}
	if got := allocated(func() { c.writeDocument(r) }); got > size/4 {
		t.Errorf("to write %d bytes of results %d bytes are allocated", 3*size, got)
	}
	if got := allocated(func() { c.writeJSON(whole(r)) }); got < 10*size {
		t.Errorf("as a whole: only %d bytes are allocated: this test shows nothing", got)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
