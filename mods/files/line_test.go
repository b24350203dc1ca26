package files

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// Whatever the order in which goroutines come, turns are in the order in which
// numbers were drawn; those that leave hold up nobody.
func TestLine(t *testing.T) {
	for seed := range uint64(50) {
		var l line
		random := rand.New(rand.NewPCG(seed, 0))
		const n = 40
		leaving := map[int64]bool{}
		ended, cancel := context.WithCancelCause(context.Background())
		cancel(errors.New("ended"))
		var numbers, want []int64
		for range n {
			number := l.draw()
			numbers = append(numbers, number)
			if number > 0 && random.IntN(3) == 0 { // number 0 may have its turn at once
				leaving[number] = true
			} else {
				want = append(want, number)
			}
		}
		random.Shuffle(n, func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
		var mu sync.Mutex
		var got []int64
		var wg sync.WaitGroup
		// Number 0 is last to come, so that the others wait.
		numbers = append(slices.DeleteFunc(numbers, func(x int64) bool { return x == 0 }), 0)
		for _, number := range numbers {
			if leaving[number] {
				if number%2 == 0 {
					l.leave(number)
				} else if err := l.wait(ended, number); err == nil || err.Error() != "ended" {
					t.Errorf("%d waited: %v", number, err)
				}
				continue
			}
			wg.Go(func() {
				if err := l.wait(context.Background(), number); err != nil {
					t.Error(err)
				}
				mu.Lock()
				got = append(got, number)
				mu.Unlock()
				l.leave(number)
			})
		}
		wg.Wait()
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: turns %v, want %v", seed, got, want)
		}
		if len(l.waiting)+len(l.left) > 0 || l.serving != n || l.drawn != n {
			t.Fatalf("seed %d: %d waiting, %d left, %d served", seed, len(l.waiting), len(l.left), l.serving)
		}
	}
}
