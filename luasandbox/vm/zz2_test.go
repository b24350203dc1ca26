package vm_test

import (
	"fmt"
	"testing"

	"github.com/luasandbox/modrunner/limits"
)

func TestZZStale(t *testing.T) {
	for i, src := range []string{
		// build makes big strings in registers; process then runs above the same slots.
		`local function build() local a,b,c,d = ("a"):rep(12e6), ("b"):rep(12e6), ("c"):rep(12e6), ("d"):rep(12e6) return #a+#b+#c+#d end
local function process(n) local s = 0 local w,x,y,z for i = 1, n do local t = {i, i, i} s = s + #t end return s end
for i = 1, 10 do build() process(200000) end`,
		`local function build() local a,b,c,d = ("a"):rep(12e6), ("b"):rep(12e6), ("c"):rep(12e6), ("d"):rep(12e6) return #a+#b+#c+#d end
local function process(n) local s = 0 for i = 1, n do local t = {i, i, i} s = s + #t if s < 0 then local w, x, y, z, k, l = 1,2,3,4,5,6 s = w+x+y+z+k+l end end return s end
for i = 1, 10 do build() process(200000) end`,
		`local function f() local a = ("a"):rep(12e6) local b = ("a"):rep(12e6) local c = ("a"):rep(12e6) end
for i = 1, 100 do f() end`,
		`for i = 1, 100 do do local a = ("a"):rep(12e6) end do local a local b = ("a"):rep(12e6) end end`,
		`local s = ("a"):rep(7e6) for i = 1, 100 do local t = s .. i .. s end`,
	} {
		_, m, err := zzRun(t, limits.Limits{Instructions: 1_000_000_000, Memory: 64 << 20}, src)
		fmt.Printf("stale %d: err=%v peak=%d MiB\n", i, err, m.Peak()>>20)
	}
}
