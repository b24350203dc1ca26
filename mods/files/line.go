package files

import (
	"context"
	"sync"
)

// line keeps the order of one mod's operations: they are asked for one after the
// other, and begin on goroutines of their own at any time. Numbers are drawn in
// the order wanted; each is then waited for, or left. A number of which neither
// is ever done takes no memory, and holds up all after it.
type line struct {
	mu      sync.Mutex
	drawn   int64                   // numbers 0 to drawn-1 have been drawn
	serving int64                   // whose turn it is
	waiting map[int64]chan struct{} // closed when it is its turn
	left    map[int64]bool          // left before it was their turn
}

// draw returns the next number.
func (l *line) draw() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drawn++
	return l.drawn - 1
}

// wait returns when it is n's turn; leave has to be called then, at the end of
// the turn. If ctx ends before, it has left the line and returns why.
func (l *line) wait(ctx context.Context, n int64) error {
	l.mu.Lock()
	if l.serving == n {
		l.mu.Unlock()
		return nil
	}
	if l.waiting == nil {
		l.waiting = map[int64]chan struct{}{}
	}
	turn := make(chan struct{})
	l.waiting[n] = turn
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		l.leave(n)
		return context.Cause(ctx)
	}
}

// leave ends n's turn, or its waiting.
func (l *line) leave(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, n)
	if l.serving != n {
		if l.left == nil {
			l.left = map[int64]bool{}
		}
		l.left[n] = true
		return
	}
	for l.serving++; l.left[l.serving]; l.serving++ {
		delete(l.left, l.serving)
	}
	if turn, ok := l.waiting[l.serving]; ok {
		close(turn)
		delete(l.waiting, l.serving)
	}
}
