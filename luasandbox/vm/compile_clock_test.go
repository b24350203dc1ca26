package vm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
	"github.com/luasandbox/modrunner/stdlib"
)

// TestCompilationsLookAtTheClock lets a script compile half a mebibyte while the clock
// goes on by a microsecond with each look: the looks are many, and the last one that
// the limit allows ends the compilation, whether it parses by then or has gone on to
// make code.
func TestCompilationsLookAtTheClock(t *testing.T) {
	text := strings.Repeat("a = b ", 1<<19/6)
	run := func(most time.Duration) (looks int, err error) {
		now := time.Unix(0, 0)
		m := vm.New(vm.Config{
			Limits: limits.Limits{Time: most, Instructions: limits.Unlimited},
			Now:    func() time.Time { looks++; now = now.Add(time.Microsecond); return now },
		})
		if err := stdlib.Open(m, stdlib.Options{}); err != nil {
			t.Fatal(err)
		}
		_, err = m.Call(context.Background(), load(t, m, "main.lua", "return loadstring(...)"), vm.String(text))
		return looks, err
	}
	all, err := run(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if least := len(text)/4096 + 2*(len(text)/6)/1024; all < least {
		t.Errorf("%d looks at the clock, want at least %d", all, least)
	}
	for _, share := range []int{10, 4, 2} {
		looks, err := run(time.Duration(all/share) * time.Microsecond)
		if limit := (*limits.Error)(nil); !errors.As(err, &limit) || limit.Kind != limits.Time {
			t.Errorf("with a %dth of the time: %v", share, err)
		}
		if looks > all/share+5 {
			t.Errorf("with a %dth of %d looks it ended after %d", share, all, looks)
		}
	}
}
