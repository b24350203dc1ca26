package luasandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// Checking a mod's source without running it.
func ExampleCompile() {
	_, err := luasandbox.Compile("quest.lua", "local reward = 10\nif reward > 5 the\n", limits.Limits{})
	var syntax *luasandbox.SyntaxError
	if errors.As(err, &syntax) {
		fmt.Printf("%s, line %d: near %q\n", syntax.Chunk, syntax.Line, syntax.Near)
	}
	// Output: quest.lua, line 2: near "the"
}

// The zero Config is the strictest sandbox. Here it may also print, and use two
// million instructions a call.
func ExampleNew() {
	program, err := luasandbox.Compile("hello.lua", `print("hello, " .. (... or "world"))`, limits.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	sandbox, err := luasandbox.New(luasandbox.Config{
		Limits: limits.Limits{Instructions: 2_000_000},
		Output: os.Stdout,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()
	if _, err := sandbox.Load(context.Background(), program, "game"); err != nil {
		log.Fatal(err)
	}
	// Output: hello, game
}

// load returns a sandbox with a script in it, for the examples below.
func load(source string) *luasandbox.Sandbox {
	program, err := luasandbox.Compile("mod.lua", source, limits.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	sandbox, err := luasandbox.New(luasandbox.Config{Limits: limits.Limits{Instructions: 100_000}, Output: os.Stdout})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := sandbox.Load(context.Background(), program); err != nil {
		log.Fatal(err)
	}
	return sandbox
}

func ExampleSandbox_Call() {
	sandbox := load(`
		hooks = {}
		function hooks.damage(amount, kind)
			if kind == "fire" then amount = amount * 2 end
			return math.floor(amount), "ouch"
		end
	`)
	defer sandbox.Close()

	results, err := sandbox.Call(context.Background(), "hooks.damage", 7.5, "fire")
	if err != nil {
		log.Fatal(err)
	}
	var amount int
	var text string
	if err := results.Scan(&amount, &text); err != nil {
		log.Fatal(err)
	}
	fmt.Println(amount, text)
	// Output: 15 ouch
}

// What went wrong is told by the error's type.
func ExampleSandbox_Call_errors() {
	sandbox := load(`
		function spin() while true do end end
		function broken() local target; return target.health end
	`)
	defer sandbox.Close()

	for _, name := range []string{"spin", "broken", "missing"} {
		_, err := sandbox.Call(context.Background(), name)
		var (
			limit  *limits.Error
			script *luasandbox.ScriptError
			path   *luasandbox.PathError
		)
		switch {
		case errors.As(err, &limit):
			fmt.Println("limit:", limit.Kind, limit.Used, "of", limit.Max)
		case errors.As(err, &script):
			fmt.Println("script:", script.Message)
		case errors.As(err, &path):
			fmt.Println("path:", path)
		}
	}
	// Output:
	// limit: instructions 100000 of 100000
	// script: mod.lua:3: attempt to index local 'target' (a nil value)
	// path: global "missing" is a nil value, want a function
}

// A game steps a long job once a frame, each time for as long as the frame can spare.
func ExampleSandbox_Start() {
	sandbox := load(`
		function plan(n)
			local best = 0
			for i = 1, n do best = math.max(best, i * 37 % 1009) end
			return best
		end
	`)
	defer sandbox.Close()

	task, err := sandbox.Start(context.Background(), "plan", 2000)
	if err != nil {
		log.Fatal(err)
	}
	frames := 0
	for {
		frames++
		status, err := task.Step(10_000)
		if err != nil {
			log.Fatal(err)
		}
		if status == luasandbox.Done {
			break
		}
		// draw the frame…
	}
	fmt.Println(task.Results()[0], "after several frames:", frames > 1)
	// Output: 1008 after several frames: true
}

// Which variable holds all that memory?
func ExampleSandbox_Census() {
	sandbox := load(`
		cache = {}
		for i = 1, 200 do cache[i] = ("x"):rep(1000) .. i end
		names = {"Ada", "Bob"}
	`)
	defer sandbox.Close()

	census, err := sandbox.Census()
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range census.Paths {
		if h.Name == "_G.cache" {
			fmt.Println(h.Name, "holds", h.Objects, "objects, more than 200 kB:", h.Bytes > 200_000)
		}
	}
	// Output: _G.cache holds 201 objects, more than 200 kB: true
}

// A report says what a mod used, what it did wrong and which limits it hit.
func ExampleSandbox_Report() {
	sandbox := load(`
		function tick() end
		function spin() while true do end end
	`)
	defer sandbox.Close()
	for range 3 {
		_, _ = sandbox.Call(context.Background(), "tick")
	}
	_, _ = sandbox.Call(context.Background(), "spin")

	report := sandbox.Report()
	for _, c := range report.Calls {
		fmt.Println(c.Function, c.Count, "calls,", c.Failed, "failed")
	}
	violations, err := json.Marshal(report.Violations)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(violations))
	// Output:
	// mod.lua 1 calls, 0 failed
	// tick 3 calls, 0 failed
	// spin 1 calls, 1 failed
	// [{"limit":"instructions","count":1,"function":"spin","used":100000,"max":100000}]
}

// Several mods share the instructions of one tick; each has its own limit as well.
func ExampleConfig_budget() {
	tick := limits.NewMeter(limits.Limits{Instructions: 30_000}, nil)
	program, err := luasandbox.Compile("mod.lua", `function tick(n) for i = 1, n do end end`, limits.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	var mods []*luasandbox.Sandbox
	for range 2 {
		sandbox, err := luasandbox.New(luasandbox.Config{Limits: limits.Limits{Instructions: 20_000}, Budget: tick})
		if err != nil {
			log.Fatal(err)
		}
		defer sandbox.Close()
		if _, err := sandbox.Load(context.Background(), program); err != nil {
			log.Fatal(err)
		}
		mods = append(mods, sandbox)
	}
	for _, work := range []int{1_000, 1_000_000} {
		tick.BeginCall()
		for i, mod := range mods {
			_, err := mod.Call(context.Background(), "tick", work)
			fmt.Println("mod", i+1, "did its work:", err == nil)
		}
	}
	// Output:
	// mod 1 did its work: true
	// mod 2 did its work: true
	// mod 1 did its work: false
	// mod 2 did its work: false
}

func ExampleResults_Scan() {
	sandbox := load(`function spawn() return {x = 3, y = 4, tags = {"fast", "red"}}, "done" end`)
	defer sandbox.Close()

	results, err := sandbox.Call(context.Background(), "spawn")
	if err != nil {
		log.Fatal(err)
	}
	var monster struct {
		X    int      `lua:"x"`
		Y    uint8    `lua:"y"`
		Tags []string `lua:"tags,optional"`
	}
	var message string
	if err := results.Scan(&monster, &message); err != nil {
		log.Fatal(err)
	}
	fmt.Println(monster, message)
	var x uint8
	fmt.Println(luasandbox.Results{300.0}.Scan(&x))
	// Output:
	// {3 4 [fast red]} done
	// result 1: want uint8, got the number 300
}
