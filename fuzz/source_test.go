package fuzz

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// luaFiles returns the texts of the repository's own Lua files below a folder,
// cut where they are cut for their tests.
func luaFiles(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(folder), "*.lua"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Lua files in %s: %v", folder, err)
	}
	var texts []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, strings.Split(string(text), "\n---\n")...)
	}
	return texts
}

// longWork are programs whose library calls take so long that they are paused, and
// looked at by a census, inside them.
var longWork = []string{
	"local s = ('ab '):rep(3000) return s:find('c', 1, true), s:find('b a-c'), s:match('^(.-)%s*$'), s:find('[^%w%s]')",
	"local n = 0 for a, b in (('ab '):rep(1000)):gmatch('(a)(b)') do n = n + #a if n % 100 == 0 then collectgarbage() end end return n",
	"local s = ('ab '):rep(1000) return #s:gsub('%w', '%0%0'), #s:gsub('(a)(b)', {a = 'x'}), #s:gsub('a', function(c) return #s > 5 and c end)",
	"local t = {} for i = 1, 800 do t[i] = i * 7919 % 1000 end table.sort(t) table.sort(t, function(a, b) return a > b end) return t[1], table.concat(t, ','):len(), unpack(t, 1, 5)",
	"local t = {} for i = 1, 500 do table.insert(t, 1, i) end for i = 1, 400 do table.remove(t, 1) end table.foreach(t, function(k, v) end) table.foreachi(t, function(i, v) if i == 50 then return v end end) return #t, table.maxn(t), table.getn(t)",
	"local v = setmetatable({}, {__tostring = function() local s = '' for i = 1, 50 do s = s .. i end return s end}) print(v, v, v) return tostring(v)",
	"local i = 0 local f = load(function() i = i + 1 if i < 300 then return 'local a' .. i % 100 .. ' = ' .. i .. ' ' end end, '=reader') f() f = loadstring('return ...', '@file') return f(1), loadstring('error(1)', ('x'):rep(100)), pcall(loadstring('error(1)', 'a text\\nof two lines'))",
	"local co = coroutine.wrap(function() table.sort({3, 1, 2}, function(a, b) coroutine.yield(a) return a < b end) (('abc'):gsub('.', coroutine.yield)) end) for i = 1, 5 do collectgarbage() print(co()) end",
	"return bit32.arshift(-8, 1), bit32.bnot(5), bit32.replace(0, 5, 2, 3), bit32.btest(3, 4), bit32.lrotate(1, 31), bit32.extract(255, 3, 4), math.frexp(10), math.modf(-3.5), ('aBc'):lower(), ('abc'):reverse()",
	"local t = os.date('*t', 86400 * 366) return t.year, t.yday, os.time(t), os.difftime(5, 3), os.date('!%A %B %c %d %H %I %j %m %p %S %U %w %W %x %X %y %Y %%', 1e9), os.clock()",
	"local a, b = {}, {} for i = 1, 3000 do a[i] = {} b[i] = setmetatable({}, {__mode = 'v', __index = a}) end for i = 1, 3000 do a[i] = nil end collectgarbage() return #a, rawequal(a, b), #b",
	"local s = ('x'):rep(30000) return s == ('x'):rep(29999) .. 'x', s < s .. 'y', ('x'):rep(20000) .. s <= s, tonumber(('1'):rep(400)), tonumber('0x' .. ('f'):rep(100)), #tostring(s)",
	"local t = {} for i = 1, 100 do t[i] = i end for i = 50, 90 do t[i] = nil end t[101], t[200] = 1, 1 local n = #t for i = 1, 300 do t[-i] = i t['k' .. i] = i end for k in pairs(t) do t[k] = nil end return n > 0, next(t)",
}

// FuzzSource takes any text for a program.
func FuzzSource(f *testing.F) {
	for i, text := range longWork {
		if !testing.Short() {
			f.Add(text, []byte{0, 0, 0, 0, 0, 0, 1, 1})
		}
		f.Add(text, []byte{0, 0, byte(10 + 5*i), 0, 0, 0, 1, byte(20 + 7*i), 1})
	}
	for _, folder := range []string{"luasandbox/vm/testdata/lua", "luasandbox/vm/testdata/expect"} {
		for i, text := range luaFiles(f, folder) {
			if testing.Short() && i%4 > 0 {
				continue
			}
			f.Add(text, []byte{0, 0, 0, 0, 0, 0, 0, byte(1 + i%40)})
		}
	}
	f.Fuzz(func(t *testing.T, source string, how []byte) { examine(t, source, chosen(how), nil) })
}

// compiled compiles a text that must compile.
func compiled(t testing.TB, source string) *luasandbox.Program {
	t.Helper()
	p, err := luasandbox.Compile("fuzz.lua", source, limits.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, source)
	}
	return p
}
