package files

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// Whatever the order in which goroutines come, operations are done in that in
// which they were asked for, each once, and each goroutine gets its own result.
func TestOrder(t *testing.T) {
	for seed := range uint64(50) {
		o := newOrder()
		random := rand.New(rand.NewPCG(seed, 0))
		var got, want []int
		var ops []*operation
		for i := range 40 {
			op := newOperation(func() ([]any, error) { got = append(got, i); return []any{i}, nil })
			o.add(op)
			ops = append(ops, op)
			want = append(want, i)
		}
		var wg sync.WaitGroup
		for _, i := range random.Perm(len(ops)) {
			wg.Go(func() {
				values, err := o.run(context.Background(), ops[i])
				if err != nil || !slices.Equal(values, []any{i}) {
					t.Errorf("operation %d: %v, %v", i, values, err)
				}
			})
		}
		wg.Wait()
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: done in the order %v", seed, got)
		}
	}
}

// The last can come alone: it does not wait for the goroutines of those before.
func TestOrderLastComesFirst(t *testing.T) {
	o := newOrder()
	var got []string
	op := func(name string) *operation {
		op := newOperation(func() ([]any, error) { got = append(got, name); return nil, errors.New(name) })
		o.add(op)
		return op
	}
	first, second := op("first"), op("second")
	if _, err := o.run(context.Background(), second); err == nil || err.Error() != "second" || !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("%v, done %q", err, got)
	}
	if _, err := o.run(context.Background(), first); err == nil || err.Error() != "first" || len(got) != 2 {
		t.Errorf("%v, done %q", err, got)
	}
}

func TestOrderEnds(t *testing.T) {
	o := newOrder()
	ended, cancel := context.WithCancelCause(context.Background())
	why := errors.New("the mod has ended")
	cancel(why)
	never := newOperation(func() ([]any, error) { t.Error("done"); return nil, nil })
	if _, err := o.run(ended, never); err != why { // not queued: Later refused it
		t.Error(err)
	}
	// One that waits for a disk does not keep others from giving up.
	waits, goOn := make(chan bool), make(chan bool)
	slow := newOperation(func() ([]any, error) { waits <- true; <-goOn; return nil, nil })
	o.add(slow)
	done := make(chan error)
	go func() { _, err := o.run(context.Background(), slow); done <- err }()
	<-waits
	op := newOperation(func() ([]any, error) { return []any{"late"}, nil })
	o.add(op)
	if _, err := o.run(ended, op); err != why {
		t.Error(err)
	}
	goOn <- true
	if err := <-done; err != nil {
		t.Error(err)
	}
	if values, err := o.run(context.Background(), op); err != nil || len(values) != 1 {
		t.Errorf("%v, %v", values, err)
	}
}

// A panic is its own goroutine's matter if it can be, and stops nobody else.
func TestOrderPanic(t *testing.T) {
	o := newOrder()
	bad := newOperation(func() ([]any, error) { panic("bug") })
	good := newOperation(func() ([]any, error) { return []any{"good"}, nil })
	o.add(bad)
	o.add(good)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed")
			}
		}()
		o.run(context.Background(), bad)
	}()
	if values, err := o.run(context.Background(), good); err != nil || len(values) != 1 {
		t.Errorf("%v, %v", values, err)
	}
	if _, err := o.run(context.Background(), bad); err != errOperation {
		t.Error(err)
	}
}

// Operations that nobody will run, as on a replay, do not pile up.
func TestOrderForgets(t *testing.T) {
	o := newOrder()
	for range 100 {
		for range 100 {
			data := make([]byte, 1000)
			o.add(newOperation(func() ([]any, error) { return []any{data}, nil }))
		}
		runtime.GC()
	}
	if len(o.queue) > 500 {
		t.Errorf("%d operations are in the queue", len(o.queue))
	}
}
