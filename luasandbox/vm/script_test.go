package vm

import (
	"context"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
)

// newTestMachine returns a machine with the functions that the vm itself
// supplies, and print, which appends to the returned builder.
func newTestMachine(t testing.TB, l limits.Limits) (*Machine, *strings.Builder) {
	t.Helper()
	m := New(Config{Limits: l})
	out := &strings.Builder{}
	set := func(tab *Table, name string, f *Native) {
		if err := m.SetString(tab, name, f.Value()); err != nil {
			t.Fatal(err)
		}
	}
	g := m.Globals()
	set(g, "pcall", PCall)
	set(g, "xpcall", XPCall)
	set(g, "error", RaiseError)
	set(g, "next", Next)
	set(g, "getfenv", GetFenv)
	set(g, "setfenv", SetFenv)
	set(g, "traceback", Traceback)
	set(g, "pairs", NewNative("pairs", func(c *Call) error { return c.Return(Next.Value(), c.Arg(0), Nil) }))
	set(g, "ipairs", NewNative("ipairs", func(c *Call) error { return c.Return(INext.Value(), c.Arg(0), Int(0)) }))
	set(g, "type", NewNative("type", func(c *Call) error { return c.Return(String(c.Arg(0).Kind().String())) }))
	set(g, "setmetatable", NewNative("setmetatable", func(c *Call) error {
		if err := m.SetMetatable(c.Arg(0).AsTable(), c.Arg(1).AsTable()); err != nil {
			return err
		}
		return c.Return(c.Arg(0))
	}))
	set(g, "select", NewNative("select", func(c *Call) error {
		if s, _ := c.Arg(0).AsString(); s == "#" {
			return c.Return(Int(c.NArgs() - 1))
		}
		n, _ := c.CheckInt(0)
		return c.returnArgs(int(n))
	}))
	show := func(v Value) string {
		switch v.Kind() {
		case KindNil:
			return "nil"
		case KindBoolean:
			b, _ := v.AsBool()
			if b {
				return "true"
			}
			return "false"
		case KindString, KindNumber:
			return describe(v)
		}
		return m.Identity(v)
	}
	set(g, "tostring", NewNative("tostring", func(c *Call) error { return c.Return(String(show(c.Arg(0)))) }))
	set(g, "print", NewNative("print", func(c *Call) error {
		for i, v := range c.Args() {
			if i > 0 {
				out.WriteByte('\t')
			}
			out.WriteString(show(v))
		}
		out.WriteByte('\n')
		return nil
	}))
	co, err := m.NewTable(0, 8)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*Native{CoCreate, CoResume, CoRunning, CoStatus, CoWrap, CoYield} {
		set(co, f.Name(), f)
	}
	if err := m.SetString(g, "coroutine", co.Value()); err != nil {
		t.Fatal(err)
	}
	return m, out
}

func runScript(t testing.TB, m *Machine, src string) ([]Value, error) {
	t.Helper()
	p, err := Compile("test.lua", src, m.Limits())
	if err != nil {
		return nil, err
	}
	cl, err := m.Load(p, m.Globals())
	if err != nil {
		return nil, err
	}
	return m.Call(context.Background(), cl.Value())
}
