package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/pprof"
	"time"

	shopify "github.com/Shopify/go-lua"
	"github.com/arnodel/golua/lib"
	golua "github.com/arnodel/golua/runtime"
	"github.com/dop251/goja"
	gopher "github.com/yuin/gopher-lua"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// engine is one way to run a program: within this binary, or a command. A program
// NAME.js does what NAME.lua does, in the same way; not all have one.
type engine struct {
	name    string
	label   string // in the table
	suffix  string // of the programs' files
	command []string
	// run compiles the text, calls timed with a function that runs it, and returns
	// what it returned. size 0 is the program's own.
	run func(name, text string, size int, timed func(func() error) error) (string, error)
}

const (
	ours   = "luasandbox"
	stock  = "gopher-lua"
	puc    = "lua5.1"
	luaExt = ".lua"
)

var engines = []engine{
	{name: ours, label: "luasandbox", suffix: luaExt, run: runOurs},
	{name: puc, label: "C Lua 5.1", suffix: luaExt, command: []string{"lua5.1"}},
	{name: stock, label: "gopher-lua", suffix: luaExt, run: runGopher},
	{name: "gopher-lua-context", label: "gopher-lua, context", suffix: luaExt, run: runGopherContext},
	{name: "golua", label: "golua, limits", suffix: luaExt, run: runGolua},
	{name: "go-lua", label: "go-lua", suffix: luaExt, run: runShopify},
	{name: "goja", label: "goja (JavaScript)", suffix: ".js", run: runGoja},
	{name: "luajit", label: "LuaJIT, -joff", suffix: luaExt, command: []string{"luajit", "-joff"}},
}

func (e engine) installed() bool {
	if e.run != nil {
		return true
	}
	_, err := exec.LookPath(e.command[0])
	return err == nil
}

// runChild runs one program on one engine of this binary.
func runChild(name, program string, size int, profile string) error {
	for _, e := range engines {
		if e.name != name || e.run == nil {
			continue
		}
		text, ok := source(program, e.suffix)
		if !ok {
			return fmt.Errorf("there is no program %q for %s", program, name)
		}
		if profile != "" {
			f, err := os.Create(profile)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := pprof.StartCPUProfile(f); err != nil {
				return err
			}
			defer pprof.StopCPUProfile()
		}
		go func() {
			for processorSeconds() < mostProcessor {
				time.Sleep(100 * time.Millisecond)
			}
			fmt.Fprintf(os.Stderr, "%snot done after %g s of the processor's time\n", prefix, mostProcessor)
			os.Exit(1)
		}()
		var seconds float64
		result, err := e.run(program, text, size, func(f func() error) error {
			start := processorSeconds()
			err := f()
			seconds = processorSeconds() - start
			return err
		})
		if err == nil {
			_, err = fmt.Printf("%.6f\t%s\n", seconds, result)
		}
		return err
	}
	return fmt.Errorf("there is no engine %q in this binary", name)
}

// Limits are what a host might set for a long computation: everything is counted
// and nothing is reached.
var oursLimits = limits.Limits{
	Instructions: 100_000_000_000,
	Memory:       256 << 20,
	Time:         longest,
}

func runOurs(name, text string, size int, timed func(func() error) error) (string, error) {
	program, err := luasandbox.Compile(name, text, oursLimits)
	if err != nil {
		return "", err
	}
	sandbox, err := luasandbox.New(luasandbox.Config{Limits: oursLimits})
	if err != nil {
		return "", err
	}
	defer sandbox.Close()
	var args []any
	if size != 0 {
		args = append(args, size)
	}
	var results luasandbox.Results
	err = timed(func() (err error) {
		results, err = sandbox.Load(context.Background(), program, args...)
		return err
	})
	if err != nil {
		return "", err
	}
	var result string
	err = results.Scan(&result)
	return result, err
}

func runGopher(name, text string, size int, timed func(func() error) error) (string, error) {
	return runGopherIn(nil, text, size, timed)
}

func runGopherContext(name, text string, size int, timed func(func() error) error) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	return runGopherIn(ctx, text, size, timed)
}

// runGopherIn runs text on the stock gopher-lua, under ctx unless it is nil. The
// registry may grow, without which table.concat fails for lists of 5,000 strings.
func runGopherIn(ctx context.Context, text string, size int, timed func(func() error) error) (string, error) {
	state := gopher.NewState(gopher.Options{RegistryMaxSize: 1 << 20, RegistryGrowStep: 1 << 16})
	defer state.Close()
	if ctx != nil {
		state.SetContext(ctx)
	}
	function, err := state.LoadString(text)
	if err != nil {
		return "", err
	}
	state.Push(function)
	args := 0
	if size != 0 {
		state.Push(gopher.LNumber(size))
		args = 1
	}
	err = timed(func() error { return state.PCall(args, 1, nil) })
	if err != nil {
		return "", err
	}
	return state.ToString(-1), nil
}

// runGolua counts processor time and memory, with limits that nothing reaches: its
// memory account is of what was ever allocated, so there is no realistic one.
func runGolua(name, text string, size int, timed func(func() error) error) (string, error) {
	r := golua.New(io.Discard)
	defer r.Close(nil)
	defer lib.LoadAll(r)()
	var result golua.Value
	_, err := r.MainThread().CallContext(golua.RuntimeContextDef{
		HardLimits: golua.RuntimeResources{Cpu: 1 << 50, Memory: 1 << 50},
	}, func() error {
		chunk, err := r.CompileAndLoadLuaChunk(name, []byte(text), golua.TableValue(r.GlobalEnv()))
		if err != nil {
			return err
		}
		var args []golua.Value
		if size != 0 {
			args = append(args, golua.IntValue(int64(size)))
		}
		return timed(func() (err error) {
			result, err = golua.Call1(r.MainThread(), golua.FunctionValue(chunk), args...)
			return err
		})
	})
	if err != nil {
		return "", err
	}
	text, ok := result.ToString()
	if !ok {
		return "", fmt.Errorf("the result is a %s", result.TypeName())
	}
	return text, nil
}

func runShopify(name, text string, size int, timed func(func() error) error) (string, error) {
	state := shopify.NewState()
	shopify.OpenLibraries(state)
	if err := shopify.LoadBuffer(state, text, name, "t"); err != nil {
		return "", err
	}
	args := 0
	if size != 0 {
		state.PushInteger(size)
		args = 1
	}
	if err := timed(func() error { return state.ProtectedCall(args, 1, 0) }); err != nil {
		return "", err
	}
	result, ok := state.ToString(-1)
	if !ok {
		return "", fmt.Errorf("the result is no string")
	}
	return result, nil
}

// runGoja runs a JavaScript text that is the body of a function of size.
func runGoja(name, text string, size int, timed func(func() error) error) (string, error) {
	program, err := goja.Compile(name, "(function (size) {"+text+"\n})", true)
	if err != nil {
		return "", err
	}
	r := goja.New()
	value, err := r.RunProgram(program)
	if err != nil {
		return "", err
	}
	function, ok := goja.AssertFunction(value)
	if !ok {
		return "", fmt.Errorf("%s is no function", name)
	}
	var result goja.Value
	err = timed(func() (err error) {
		result, err = function(goja.Undefined(), r.ToValue(size))
		return err
	})
	if err != nil {
		return "", err
	}
	return result.String(), nil
}
