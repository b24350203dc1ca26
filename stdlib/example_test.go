package stdlib_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
	"github.com/luasandbox/modrunner/stdlib"
)

func run(m *vm.Machine, text string) {
	p, err := vm.Compile("example.lua", text, m.Limits())
	if err != nil {
		log.Fatal(err)
	}
	main, err := m.Load(p, m.Globals())
	if err != nil {
		log.Fatal(err)
	}
	if _, err := m.Call(context.Background(), main.Value()); err != nil {
		fmt.Println("error:", err)
	}
}

// A machine gets the library, and with it a clock, a place for what it prints,
// and its own modules.
func ExampleOpen() {
	m := vm.New(vm.Config{Limits: limits.Limits{Output: 1000}})
	modules := map[string]string{"greeting": "return 'good morning'"}
	err := stdlib.Open(m, stdlib.Options{
		Now:   func() time.Time { return time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC) },
		Print: func(_ *vm.Call, line string) error { fmt.Println(line); return nil },
		Require: func(name string) (chunk, text string, ok bool) {
			text, ok = modules[name]
			return name + ".lua", text, ok
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	run(m, `print(require("greeting"), os.date("%H:%M"))`)
	run(m, `print(io, os.execute)`)
	run(m, `print(("x"):rep(2000))`)
	// Output:
	// good morning	08:00
	// nil	nil
	// error: output limit exceeded: 1.9 KiB needed, at most 1000 B allowed
}

// The zero Options is the strictest: a clock that stands still, no modules, and
// nobody to print to.
func ExampleOptions() {
	m := vm.New(vm.Config{})
	if err := stdlib.Open(m, stdlib.Options{}); err != nil {
		log.Fatal(err)
	}
	run(m, `error(os.date("%Y-%m-%d") .. ", " .. tostring(require))`)
	// Output:
	// error: example.lua:1: 2000-01-01, nil
}
