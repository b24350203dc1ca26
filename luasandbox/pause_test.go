package luasandbox_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// pauseScripts each define a function run whose results tell all that happened.
var pauseScripts = map[string]string{
	"closures": `
		local function counter(step)
			local n = 0
			return function() n = n + step return n end, function(v) n = v end
		end
		function run()
			local fs = {}
			for i = 1, 20 do fs[i] = {counter(i)} end
			local sum = 0
			for round = 1, 5 do
				for i, f in ipairs(fs) do sum = sum + f[1]() if round == 3 then f[2](-i) end end
			end
			return sum, fs[7][1]()
		end`,
	"coroutines": `
		local function range(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i, i * i) end end) end
		local function tree(t, depth) if depth > 0 then tree({}, depth - 1) coroutine.yield(depth) tree({}, depth - 1) end end
		function run()
			local out = {}
			for a, b in range(15) do out[#out + 1] = a .. ":" .. b end
			local walk = coroutine.wrap(function() tree({}, 5) return "end" end)
			repeat local v = walk() out[#out + 1] = tostring(v) until v == "end"
			local co = coroutine.create(function() local ok, err = pcall(function() coroutine.yield("inside") error({}) end) coroutine.yield(type(err)) error("last") end)
			for i = 1, 4 do local ok, v = coroutine.resume(co) out[#out + 1] = tostring(ok) .. tostring(v) .. coroutine.status(co) end
			return table.concat(out, ",")
		end`,
	"metatables": `
		local V = {}
		V.__index = function(t, k) return rawget(V, k) or k .. "?" end
		V.__add = function(a, b) return setmetatable({a[1] + b[1], a[2] + b[2]}, V) end
		V.__eq = function(a, b) return a[1] == b[1] and a[2] == b[2] end
		V.__lt = function(a, b) return a[1] < b[1] end
		V.__le = function(a, b) return not (b < a) end
		V.__concat = function(a, b) return tostring(a) .. "|" .. tostring(b) end
		V.__tostring = function(v) return "<" .. v[1] .. "," .. v[2] .. ">" end
		V.__call = function(v, x) return v[1] * x end
		V.__newindex = function(t, k, v) rawset(t, k, "set " .. v) end
		V.__unm = function(v) return setmetatable({-v[1], -v[2]}, V) end
		function run()
			local sum, all = setmetatable({0, 0}, V), {}
			for i = 1, 12 do
				local v = setmetatable({i, 12 - i}, V)
				sum = sum + v
				all[#all + 1] = v
			end
			table.sort(all, function(a, b) return b < a end)
			sum.name = "s"
			return tostring(sum), sum.name, sum.missing, sum(3), all[1] .. all[12], all[1] == all[2], all[1] <= all[2], tostring(-sum)
		end`,
	"strings": `
		function run()
			local s, parts = "", {}
			for i = 1, 60 do
				s = s .. i .. ";"
				parts[i] = ("%03d %s %q"):format(i, ("x"):rep(i % 7), "line\n")
			end
			local n = 0
			for word in s:gmatch("%d+") do n = n + #word end
			local swapped = s:gsub("(%d+);", function(d) return tonumber(d) % 2 == 0 and "[" .. d .. "]" or nil end)
			return n, swapped, table.concat(parts, "/"), s:upper():reverse():sub(5, -5), ("a,b,,c"):find(",", 1, true)
		end`,
	"errors": `
		local function deep(n) if n == 0 then error({code = n}) end return 1 + deep(n - 1) end
		function run()
			local log = {}
			for i = 1, 8 do
				local ok, e = pcall(deep, i)
				log[#log + 1] = tostring(ok) .. type(e)
				log[#log + 1] = select(2, xpcall(function() local x = nil; return x.y end, function(m) return m .. " handled" end))
			end
			log[#log + 1] = select(2, pcall(function() local function f() return f() + 1 end return f() end))
			return table.concat(log, "\n")
		end`,
	"garbage": `
		local keep = setmetatable({}, {__mode = "k"})
		function run()
			local live = {}
			for i = 1, 3000 do
				local t = {i, tostring(i), {i}}
				keep[t] = true
				if i % 100 == 0 then live[#live + 1] = t end
			end
			local n = 0
			for _, t in ipairs(live) do n = n + t[1] + #t[2] + t[3][1] end
			print(n, #live)
			return n, #live
		end`,
	"limit": `function run() local t = {} for i = 1, 1e9 do t[i % 50] = ("x"):rep(i % 300) print(i) end end`,
	"fails": `function run() local t = {} for i = 1, 30 do t[i] = {} end return t.x.y end`,
}

// outcome is all that a run gives: results, error, figures, output.
type outcome struct {
	Results luasandbox.Results
	Err     string
	Call    luasandbox.Usage
	Total   luasandbox.Usage
	Census  luasandbox.Census
	Output  string
}

var pauseLimits = limits.Limits{Instructions: 600_000, Memory: 400 << 10, Depth: 200}

// runPaused runs a script in a sandbox of its own; fuel says how far each step goes,
// and a fuel of 0 stands for one plain Call.
func runPaused(t testing.TB, p *luasandbox.Program, fuel func(step int) int64) outcome {
	t.Helper()
	var out bytes.Buffer
	s, err := luasandbox.New(luasandbox.Config{Limits: pauseLimits, Output: &out, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Load(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	var o outcome
	if fuel == nil {
		o.Results, err = s.Call(context.Background(), "run")
	} else {
		task, e := s.Start(context.Background(), "run")
		if e != nil {
			t.Fatal(e)
		}
		status := luasandbox.Paused
		for step := 0; status == luasandbox.Paused && err == nil; step++ {
			if step > 10*int(pauseLimits.Instructions) {
				t.Fatal("the task does not end")
			}
			status, err = task.Step(fuel(step))
		}
		o.Results = task.Results()
		if diff := cmp.Diff(s.LastCall(), task.Usage()); diff != "" {
			t.Errorf("the task's usage is not the last call's: %s", diff)
		}
	}
	if err != nil {
		o.Err = fmt.Sprintf("%T %v", err, err)
	}
	o.Call = s.LastCall()
	o.Total = s.Usage()
	o.Call.Wall, o.Total.Wall = 0, 0
	o.Output = out.String()
	if o.Census, err = s.Census(); err != nil {
		t.Fatal(err)
	}
	return o
}

// Results, errors, output, instruction counts and memory figures are the same
// wherever a run is paused, and in a second sandbox.
func TestPausesChangeNothing(t *testing.T) {
	for name, source := range pauseScripts {
		t.Run(name, func(t *testing.T) {
			p := compile(t, source)
			want := runPaused(t, p, nil)
			if want.Err == "" && len(want.Results) == 0 || (name == "limit" || name == "fails") != (want.Err != "") {
				t.Fatalf("%+v", want)
			}
			if diff := cmp.Diff(want, runPaused(t, p, nil)); diff != "" {
				t.Fatalf("a second sandbox differs: %s", diff)
			}
			if diff := cmp.Diff(want, runPaused(t, compile(t, source), nil)); diff != "" {
				t.Fatalf("compiled anew it differs: %s", diff)
			}
			for _, k := range []int64{1, 2, 3, 7, 100, limits.Unlimited} {
				got := runPaused(t, p, func(int) int64 { return k })
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("paused after each %d instructions: %s", k, diff)
				}
			}
		})
	}
}
