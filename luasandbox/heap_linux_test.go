//go:build linux && !race

package luasandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// The promise: the Go heap that a hostile script holds stays within four times
// its memory limit. Each script runs in a child process that may not have more
// data than that beside what Go itself needs, and in a second child without the
// limit, where it must bring the process down.
const (
	heapLimit   = 48 << 20
	heapOfGo    = 48 << 20 // the runtime, the test binary, the library
	rlimitData  = 2        // RLIMIT_DATA: what is written to, not what is reserved
	heapChild   = "LUASANDBOX_HEAP_CHILD"
	heapStopped = "stopped by the memory limit"
)

var heapScripts = map[string]string{
	"tables":         `local t = {} for i = 1, 1e9 do t[i] = {i} end`,
	"fields":         `local t = {} for i = 1, 1e9 do local r = {} r.x = i t[i] = r end`,
	"strings":        `local t, s = {}, ("abcdefghij"):rep(10) for i = 1, 1e9 do t[i] = s .. i end`,
	"doubling":       `local t, s = {}, ("x"):rep(1e6) for i = 1, 1e9 do t[i] = s .. i end`,
	"errors":         `local t = {} for i = 1, 1e9 do t[i] = select(2, pcall(error, "e" .. i)) end`,
	"messages":       `local t = {} for i = 1, 1e9 do t[i] = select(2, pcall(function() local x = nil + i end)) end`,
	"closures":       `local t = {} for i = 1, 1e9 do t[i] = function() return i end end`,
	"keys":           `local t = {} for i = 1, 1e9 do t["k" .. i] = i end`,
	"coroutines":     `local t = {} for i = 1, 1e9 do local c = coroutine.wrap(function(...) coroutine.yield(...) end) c(i, i) t[i] = c end`,
	"garbage beside": `local t = {} for i = 1, 1e9 do t[i] = {} for j = 1, 20 do local g = {j} end end`,
	"weak":           `local w, t = setmetatable({}, {__mode = "k"}), {} for i = 1, 1e9 do local k = {} w[k] = {i} if i % 2 == 0 then t[#t + 1] = k end end`,
	"stack":          `local function f(n, ...) local s = ("y"):rep(20000) .. n return 1 + f(n + 1, s, ...) end while true do pcall(f, 1) end`,
}

func TestHeapStaysWithinFourLimits(t *testing.T) {
	for name := range heapScripts {
		t.Run(name, func(t *testing.T) {
			if out, err := heapRun(t, name, "limited"); err != nil || !strings.Contains(out, heapStopped) {
				t.Errorf("%v\n%.2000s", err, out)
			}
		})
	}
	for _, name := range []string{"tables", "doubling"} {
		t.Run("control/"+name, func(t *testing.T) {
			out, err := heapRun(t, name, "unlimited")
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() == 0 {
				t.Errorf("without its limit the script should have ended the process: %v\n%.2000s", err, out)
			}
		})
	}
}

func heapRun(t *testing.T, name, how string) (string, error) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHeapChild$")
	cmd.Env = append(os.Environ(), heapChild+"="+how+":"+name, "GOTRACEBACK=none", "GOGC=100", "GOMEMLIMIT=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestHeapChild(t *testing.T) {
	how, name, ok := strings.Cut(os.Getenv(heapChild), ":")
	if !ok {
		t.Skip("runs in a child of TestHeapStaysWithinFourLimits")
	}
	const most = 4*heapLimit + heapOfGo
	if err := syscall.Setrlimit(rlimitData, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		t.Fatal(err)
	}
	l := limits.Limits{
		Memory: heapLimit, Instructions: limits.Unlimited, Time: limits.UnlimitedTime, Coroutines: limits.Unlimited,
	}
	if how == "unlimited" {
		l.Memory = limits.Unlimited
	}
	program, err := luasandbox.Compile("heap.lua", heapScripts[name], l)
	if err != nil {
		t.Fatal(err)
	}
	sandbox, err := luasandbox.New(luasandbox.Config{Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	_, err = sandbox.Load(context.Background(), program)
	var stopped *limits.Error
	if errors.As(err, &stopped) && stopped.Kind == limits.Memory {
		fmt.Println(heapStopped)
		return
	}
	t.Fatal(err)
}
