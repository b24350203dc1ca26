package accounts

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/luasandbox/gopher"
)

// The host of the workloads in border.txtar. What it gives out is made before it is
// asked for, so that what Go allocates in a call is the border's doing.

type point struct {
	X float64 `lua:"x"`
	Y float64 `lua:"y"`
}

type unit struct {
	HP  float64
	pos point
}

func (u *unit) Heal(by float64) { u.HP += by }

type named float64

// stock holds what the host gives out, by size.
var stock = struct {
	sync.Mutex
	strings map[int]string
	bytes   map[int][]byte
	numbers map[int][]float64
	texts   map[int][]string
	maps    map[int]map[string]float64
	keyed   map[int]map[float64]float64
	anyMaps map[int]map[string]any
	anys    map[int]any
	points  map[int][]point
}{strings: map[int]string{}, bytes: map[int][]byte{}, numbers: map[int][]float64{}, texts: map[int][]string{},
	maps: map[int]map[string]float64{}, keyed: map[int]map[float64]float64{}, anyMaps: map[int]map[string]any{},
	anys: map[int]any{}, points: map[int][]point{}}

// fill makes all that the workloads ask for.
var fill = sync.OnceFunc(func() {
	for _, n := range append([]int{0, 1, 3}, sizes...) {
		stocked(stock.strings, n, func(n int) string { return strings.Repeat("x", n) })
		stocked(stock.bytes, n, func(n int) []byte { return make([]byte, n) })
		stocked(stock.numbers, n, numbers)
		stocked(stock.texts, n, texts)
		stocked(stock.maps, n, numberMap)
		stocked(stock.keyed, n, keyedMap)
		stocked(stock.anyMaps, n, anyMap)
		stocked(stock.anys, n, anyList)
		stocked(stock.points, n, points)
	}
})

// stocked returns what of holds for n, made when it is first asked for.
func stocked[T any](of map[int]T, n int, make func(n int) T) T {
	stock.Lock()
	defer stock.Unlock()
	v, ok := of[n]
	if !ok {
		v = make(n)
		of[n] = v
	}
	return v
}

func numbers(n int) []float64 {
	l := make([]float64, n)
	for i := range l {
		l[i] = float64(i)
	}
	return l
}

func texts(n int) []string {
	l := make([]string, n)
	for i := range l {
		l[i] = "key" + strconv.Itoa(i)
	}
	return l
}

func numberMap(n int) map[string]float64 {
	m := make(map[string]float64, n)
	for i, k := range texts(n) {
		m[k] = float64(i)
	}
	return m
}

func keyedMap(n int) map[float64]float64 {
	m := make(map[float64]float64, n)
	for i := range n {
		m[float64(i)] = float64(i)
	}
	return m
}

func anyMap(n int) map[string]any {
	m := make(map[string]any, n)
	for i, k := range texts(n) {
		m[k] = float64(i)
	}
	return m
}

func anyList(n int) any {
	l := make([]any, n)
	for i := range l {
		l[i] = float64(i)
	}
	return l
}

func points(n int) []point { return make([]point, n) }

var (
	errHost  = errors.New("the host's own")
	errShown = luasandbox.Errorf("not now")
	units    = make([]unit, 1<<16+1)
	aResult  = luasandbox.Results{1.0, "x"}
	aPoint   = &point{1, 2}
)

// hidden is what host.hides has allocated.
var hidden []byte

// unitType is the type of handles to units.
var unitType = luasandbox.NewHandleType[unit]("unit", "",
	luasandbox.Func("touch", func(*unit) {}),
	luasandbox.Property("hp", func(u *unit) float64 { return u.HP }, func(u *unit, hp float64) { u.HP = hp }),
	luasandbox.Property("pos", func(u *unit) point { return u.pos }, nil),
)

// hostGrants returns what the scripts of one sandbox are granted.
func hostGrants() []*luasandbox.Grant {
	fill()
	var kept *luasandbox.Function
	host := luasandbox.NewGrant("host", "", unitType,
		luasandbox.Func("nothing", func() {}),
		luasandbox.Func("reflected", func() (named, named) { return 1, 2 }),
		luasandbox.Func("context", func(context.Context) {}),
		luasandbox.Func("fails", func() error { return errShown }),
		luasandbox.Func("breaks", func() error { return errHost }),
		luasandbox.Func("panics", func() { panic("a bug") }),
		luasandbox.Func("inBool", func(bool) {}),
		luasandbox.Func("inInt", func(int) {}),
		luasandbox.Func("inUint", func(uint8) {}),
		luasandbox.Func("inFloat", func(float64) {}),
		luasandbox.Func("inFloat32", func(float32) {}),
		luasandbox.Func("inString", func(string) {}),
		luasandbox.Func("inBytes", func([]byte) {}),
		luasandbox.Func("inList", func([]float64) {}),
		luasandbox.Func("inStrings", func([]string) {}),
		luasandbox.Func("inLists", func([][]float64) {}),
		luasandbox.Func("inArray", func([4]float64) {}),
		luasandbox.Func("inMap", func(map[string]float64) {}),
		luasandbox.Func("inNumberMap", func(map[float64]float64) {}),
		luasandbox.Func("inAnyMap", func(map[any]any) {}),
		luasandbox.Func("inStruct", func(point) {}),
		luasandbox.Func("inStructs", func([]point) {}),
		luasandbox.Func("inPointer", func(*point) {}),
		luasandbox.Func("inAny", func(any) {}),
		luasandbox.Func("inFunction", func(f *luasandbox.Function) { f.Release() }),
		luasandbox.Func("calls", func(ctx context.Context, f *luasandbox.Function) error {
			defer f.Release()
			_, err := f.Call(ctx)
			return err
		}),
		luasandbox.Func("echoes", func(ctx context.Context, f *luasandbox.Function, v any) error {
			defer f.Release()
			_, err := f.Call(ctx, v)
			return err
		}),
		luasandbox.Func("inVariadic", func(...float64) {}),
		luasandbox.Func("inAnys", func(...any) {}),
		luasandbox.Func("inHandle", func(*unit) {}),
		luasandbox.Func("inAnyHandle", func(luasandbox.Handle) {}),
		luasandbox.Func("inPriced", func(string) {}, luasandbox.Params("s"), luasandbox.Cost(10), luasandbox.CostPer("s", 2)),
		luasandbox.Func("outBool", func() bool { return true }),
		luasandbox.Func("outInt", func() int { return 1 }),
		luasandbox.Func("outUint", func() uint8 { return 1 }),
		luasandbox.Func("outFloat", func() float64 { return 1 }),
		luasandbox.Func("outFloat32", func() float32 { return 1 }),
		luasandbox.Func("outString", func(n int) string {
			return stocked(stock.strings, n, func(n int) string { return strings.Repeat("x", n) })
		}),
		luasandbox.Func("outBytes", func(n int) []byte {
			return stocked(stock.bytes, n, func(n int) []byte { return make([]byte, n) })
		}),
		luasandbox.Func("outList", func(n int) []float64 { return stocked(stock.numbers, n, numbers) }),
		luasandbox.Func("outStrings", func(n int) []string { return stocked(stock.texts, n, texts) }),
		luasandbox.Func("outArray", func() [4]float64 { return [4]float64{} }),
		luasandbox.Func("outMap", func(n int) map[string]float64 { return stocked(stock.maps, n, numberMap) }),
		luasandbox.Func("outNumberMap", func(n int) map[float64]float64 { return stocked(stock.keyed, n, keyedMap) }),
		luasandbox.Func("outAnyMap", func(n int) map[string]any { return stocked(stock.anyMaps, n, anyMap) }),
		luasandbox.Func("outStruct", func() point { return point{} }),
		luasandbox.Func("outStructs", func(n int) []point { return stocked(stock.points, n, points) }),
		luasandbox.Func("outPointer", func() *point { return aPoint }),
		luasandbox.Func("outAny", func(n int) any { return stocked(stock.anys, n, anyList) }),
		luasandbox.Func("keep", func(f *luasandbox.Function) { kept = f }),
		luasandbox.Func("outFunction", func() *luasandbox.Function { return kept }),
		luasandbox.Func("outResults", func() luasandbox.Results { return aResult }),
		luasandbox.Func("outHandle", func(i int) *unit { return &units[i] }),
		luasandbox.Func("outAnyHandle", func(i int) luasandbox.Handle { return unitType.Handle(&units[i]) }),
		luasandbox.Func("outThree", func() (float64, string, bool) { return 1, "x", true }),
		luasandbox.Func("holds", func(*luasandbox.Function) {}),
		luasandbox.Func("hides", func(n int) { hidden = make([]byte, n) }),
		luasandbox.Func("ready", func(n int) *luasandbox.Pending {
			p := luasandbox.Later()
			p.Resolve(stocked(stock.anys, n, anyList))
			return p
		}),
		luasandbox.Func("later", func(n int) *luasandbox.Pending {
			p := luasandbox.Later()
			answers <- p
			return p
		}),
	)
	old := gopher.NewGrant("old", "",
		gopher.Func("nothing", func(*lua.LState) int { return 0 }),
		gopher.Func("add", func(l *lua.LState) int { l.Push(l.CheckNumber(1) + l.CheckNumber(2)); return 1 }),
		gopher.Func("echo", func(l *lua.LState) int { return 1 }),
		gopher.Func("call", func(l *lua.LState) int {
			l.Push(l.Get(1))
			l.Push(l.Get(2))
			l.Call(1, 1)
			return 1
		}),
		gopher.Func("fails", func(l *lua.LState) int { l.RaiseError("no"); return 0 }),
		gopher.Loader(itemModule, "item"),
		gopher.Userdata("item", "name"),
	)
	player := gopher.NewGrant("", "", gopher.Object("player", &unit{HP: 1},
		gopher.Field("HP", gopher.Read|gopher.Write), gopher.Method("Heal")))
	return []*luasandbox.Grant{host, old, player}
}

// itemModule is a module as gopher-lua has them, with a type of userdata.
func itemModule(l *lua.LState) int {
	l.SetField(l.NewTypeMetatable("item"), "__index", l.SetFuncs(l.NewTable(), map[string]lua.LGFunction{
		"name": func(l *lua.LState) int { l.Push(lua.LString("ring")); return 1 },
	}))
	item := l.NewUserData()
	item.Value, item.Metatable = "ring", l.GetTypeMetatable("item")
	l.Push(l.SetFuncs(l.NewTable(), map[string]lua.LGFunction{
		"item": func(l *lua.LState) int { l.Push(item); return 1 },
	}))
	return 1
}

// answers are what host.later has promised.
var answers = func() chan *luasandbox.Pending {
	c := make(chan *luasandbox.Pending)
	go func() {
		for p := range c {
			p.Resolve(1.0)
		}
	}()
	return c
}()
