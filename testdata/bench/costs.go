package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// costs are what the things cost that a host does often: processor time in
// nanoseconds, and bytes.
type costs struct {
	Fresh       float64 // a sandbox with the whole library
	FreshHeap   float64 // what it holds of Go's heap
	FreshMemory float64 // what it is charged against its limit of memory
	HostCall    float64 // a host function of two numbers and a result, called in Lua
	Pause       float64 // a task that is resumed, executes an instruction, and is paused
	Call        float64 // a Lua function of two numbers, called by the host
}

// measureCosts measures each in a process of its own, several times, and keeps the
// smallest figures.
func measureCosts(self string, rounds int) (least costs, err error) {
	for round := range rounds {
		out, err := exec.Command(self, "-child", "-costs").Output()
		if err != nil {
			return least, fmt.Errorf("-costs: %w", err)
		}
		var c costs
		if err := json.Unmarshal(out, &c); err != nil {
			return least, err
		}
		if round == 0 {
			least = c
			continue
		}
		least = costs{
			Fresh: min(least.Fresh, c.Fresh), FreshHeap: min(least.FreshHeap, c.FreshHeap), FreshMemory: min(least.FreshMemory, c.FreshMemory),
			HostCall: min(least.HostCall, c.HostCall), Pause: min(least.Pause, c.Pause), Call: min(least.Call, c.Call),
		}
	}
	return least, nil
}

// markdown is the table of c.
func (c costs) markdown() string {
	var b strings.Builder
	b.WriteString("| what | cost |\n|---|---|\n")
	fmt.Fprintf(&b, "| a fresh sandbox with the whole library | %.1f µs, %.1f KB of Go's heap |\n", c.Fresh/1e3, c.FreshHeap/1e3)
	fmt.Fprintf(&b, "| a host function of two numbers and a result, called in Lua | %.0f ns |\n", c.HostCall)
	fmt.Fprintf(&b, "| a task that is resumed, executes an instruction, and is paused | %.0f ns |\n", c.Pause)
	fmt.Fprintf(&b, "| a Lua function of two numbers, called by the host | %.0f ns |\n", c.Call)
	return b.String()
}

// runCosts measures them in this process and prints them as JSON.
func runCosts() error {
	var c costs
	var err error
	for _, step := range []func(*costs) error{costFresh, costHostCall, costPause, costCall} {
		if err = step(&c); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(c)
}

func costFresh(c *costs) error {
	const n = 10_000
	idle := make([]*luasandbox.Sandbox, n)
	heap := func() float64 {
		runtime.GC()
		runtime.GC() // what the first one left in pools
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	before := heap()
	start := processorSeconds()
	for i := range idle {
		s, err := luasandbox.New(luasandbox.Config{})
		if err != nil {
			return err
		}
		idle[i] = s
	}
	c.Fresh = (processorSeconds() - start) * 1e9 / n
	c.FreshHeap = (heap() - before) / n
	c.FreshMemory = float64(idle[0].Usage().Memory)
	runtime.KeepAlive(idle)
	return nil
}

// costsSandbox returns a sandbox that has run source and has a host function add.
func costsSandbox(source string) (*luasandbox.Sandbox, error) {
	l := limits.Limits{Instructions: limits.Unlimited, HostCalls: limits.Unlimited, Time: longest}
	grant := luasandbox.NewGrant("", "", luasandbox.Func("add", func(a, b float64) float64 { return a + b }))
	s, err := luasandbox.New(luasandbox.Config{Limits: l, Grants: []*luasandbox.Grant{grant}})
	if err != nil {
		return nil, err
	}
	program, err := luasandbox.Compile("costs.lua", source, l)
	if err != nil {
		return nil, err
	}
	_, err = s.Load(context.Background(), program)
	return s, err
}

func costHostCall(c *costs) error {
	const n = 3_000_000
	s, err := costsSandbox(`
		local add = add
		function empty(n) for i = 1, n do end end
		function calls(n) for i = 1, n do add(i, 2) end end`)
	if err != nil {
		return err
	}
	defer s.Close()
	seconds := func(function string) (float64, error) {
		start := processorSeconds()
		_, err := s.Call(context.Background(), function, n)
		return processorSeconds() - start, err
	}
	loop, err := seconds("empty")
	if err != nil {
		return err
	}
	calls, err := seconds("calls")
	c.HostCall = (calls - loop) * 1e9 / n
	return err
}

func costPause(c *costs) error {
	const n = 3_000_000
	s, err := costsSandbox(`function spin() while true do end end`)
	if err != nil {
		return err
	}
	defer s.Close()
	task, err := s.Start(context.Background(), "spin")
	if err != nil {
		return err
	}
	start := processorSeconds()
	for range n {
		if _, err := task.Step(1); err != nil {
			return err
		}
	}
	c.Pause = (processorSeconds() - start) * 1e9 / n
	return nil
}

func costCall(c *costs) error {
	const n = 300_000
	s, err := costsSandbox(`function sum(a, b) return a + b end`)
	if err != nil {
		return err
	}
	defer s.Close()
	start := processorSeconds()
	for range n {
		if _, err := s.Call(context.Background(), "sum", 1, 2); err != nil {
			return err
		}
	}
	c.Call = (processorSeconds() - start) * 1e9 / n
	return nil
}
