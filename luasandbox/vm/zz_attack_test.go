package vm_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
	"github.com/luasandbox/modrunner/stdlib"
)

func zzRun(t *testing.T, l limits.Limits, src string) (string, *vm.Machine, error) {
	var out strings.Builder
	m := vm.New(vm.Config{Limits: l})
	if err := stdlib.Open(m, stdlib.Options{Print: func(c *vm.Call, line string) error { out.WriteString(line + "\n"); return nil }}); err != nil {
		t.Fatal(err)
	}
	p, err := vm.Compile("t.lua", src, m.Limits())
	if err != nil {
		return "", m, err
	}
	cl, err := m.Load(p, m.Globals())
	if err != nil {
		return "", m, err
	}
	_, err = m.Call(context.Background(), cl.Value())
	var ie *vm.InternalError
	if errors.As(err, &ie) {
		t.Errorf("INTERNAL %s\n%s\n%s", src, ie.Detail, ie.Stack)
	}
	return out.String(), m, err
}

func TestZZ(t *testing.T) {
	for i, src := range []string{
		`return setmetatable({},{__call=1})()`,
		`local t = setmetatable({},{__call=1}) t()`,
		`print(setmetatable({}, {__concat=function(a,b) return type(b) end}) .. 1)`,
		`print(xpcall(function() local x = nil; x() end, function(e) return debug.traceback(e) end))`,
		`local co co = coroutine.create(function() print(coroutine.resume(co)) end) coroutine.resume(co)`,
		`print(pcall(function() local function f() return pcall(f) end return f() end))`,
	} {
		out, m, err := zzRun(t, limits.Limits{}, src)
		s := m.Total().Snapshot()
		fmt.Printf("%d: %q err=%v instr=%d\n", i, out, err, s.Instructions.Current)
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var ms runtime.MemStats
		runtime.ReadMemStats(&ms)
		return ms.HeapAlloc >> 20
	}
	for i, src := range []string{
		// programs never counted
		`keep = {} for i = 1, 40 do keep[i] = loadstring("local a = ... ; return '"..i..("x"):rep(900000).."'") end`,
		// constants of dropped programs
		`keep = {} for i = 1, 40 do keep[i] = loadstring("return '"..i..("x"):rep(900000).."'")() end`,
		// dead keys
		`keep = {} for i = 1, 300000 do keep[i+0.5] = true end for i = 1, 200 do local k = ("x"):rep(1000000)..i keep[k]=true keep[k]=nil end`,
		// open upvalue of dropped coroutine
		`keep = {} local t = {} for i = 1, 7000 do t[i]=i end  for i = 1, 400 do local co = coroutine.wrap(function() local x; keep[#keep+1]=function() return x end; (function(...) end)(unpack(t)) coroutine.yield() end) co() end`,
	} {
		_, m, err := zzRun(t, limits.Limits{Instructions: 400_000_000, Memory: 64 << 20}, src)
		h := heap()
		live := m.Census() >> 20
		fmt.Printf("mem %d: err=%v heap=%d MiB census=%d MiB\n", i, err, h, live)
		runtime.KeepAlive(m)
		m = nil
	}
}
