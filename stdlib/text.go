package stdlib

import (
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

var tostringNative = native("tostring", baseToString)

func baseToString(c *vm.Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	v := c.Arg(0)
	if handler := metafield(c, v, keyToString); !handler.IsNil() {
		return c.Call(firstResult{}, handler, v)
	}
	s, err := plainText(c, v)
	if err != nil {
		return err
	}
	return c.Return(s)
}

// firstResult returns the first result of a call, or nil.
type firstResult struct{}

// Resume returns it.
func (firstResult) Resume(c *vm.Call) error { return c.Return(c.Arg(0)) }

// Trace has nothing to show.
func (firstResult) Trace(*vm.Walk) {}

// metafield returns a field of v's metatable, or nil.
func metafield(c *vm.Call, v, key vm.Value) vm.Value {
	if mt := c.Machine().Metatable(v); mt != nil {
		return mt.Get(key)
	}
	return vm.Nil
}

// plainText returns the string that tostring gives for a value without
// __tostring, charged.
func plainText(c *vm.Call, v vm.Value) (vm.Value, error) {
	switch v.Kind() {
	case vm.KindString:
		return v, nil
	case vm.KindNil:
		return textNil, nil
	case vm.KindBoolean:
		if v.Truthy() {
			return textTrue, nil
		}
		return textFalse, nil
	case vm.KindNumber:
		if err := c.Work(limits.NumberToString); err != nil {
			return vm.Nil, err
		}
		if err := c.Reserve(limits.StringHeader); err != nil { // the digits, before zeros are cut
			return vm.Nil, err
		}
		f, _ := v.AsNumber()
		return c.NewString(vm.FormatNumber(f))
	}
	if err := c.Work(2 * limits.NumberToString); err != nil {
		return vm.Nil, err
	}
	return c.NewString(c.Machine().Identity(v))
}

// numberText returns f as tostring has it, charged as a string that does not stay.
func numberText(c *vm.Call, f float64) (string, error) {
	if err := c.Work(limits.NumberToString); err != nil {
		return "", err
	}
	if err := c.Reserve(limits.StringHeader); err != nil {
		return "", err
	}
	return vm.FormatNumber(f), nil
}

// printer is a print in progress: it calls tostring for one argument after the
// other and collects the line.
type printer struct {
	args     []vm.Value
	next     int      // argument whose text is awaited or comes next
	custom   bool     // the global tostring is not the library's own, but
	tostring vm.Value // this
	line     []byte
	keep     bool // somebody wants the line
}

func basePrint(c *vm.Call) error {
	if err := c.Reserve(limits.MulAdd(int64(c.NArgs()), limits.ValueBytes, limits.FrameBytes)); err != nil {
		return err
	}
	p := &printer{
		args: append([]vm.Value(nil), c.Args()...),
		keep: libraryOf(c).options.Print != nil,
	}
	// As in C Lua, print honours a tostring that the script replaced.
	if f := c.Machine().Globals().Get(keyTostring); f.AsNative() != tostringNative {
		p.custom, p.tostring = true, f
	}
	return p.run(c)
}

// Resume takes the text of an argument from tostring or from a __tostring.
func (p *printer) Resume(c *vm.Call) error {
	v := c.Arg(0)
	s, ok := v.AsString()
	if f, number := v.AsNumber(); number {
		var err error
		if s, err = numberText(c, f); err != nil {
			return err
		}
	} else if !ok {
		return c.Errorf("'tostring' must return a string to 'print'")
	}
	if err := p.add(c, s); err != nil {
		return err
	}
	return p.run(c)
}

func (p *printer) run(c *vm.Call) error {
	for p.next < len(p.args) {
		if err := c.Work(limits.PrintArgument); err != nil {
			return err
		}
		v := p.args[p.next]
		if p.custom {
			return c.Call(p, p.tostring, v)
		}
		if handler := metafield(c, v, keyToString); !handler.IsNil() {
			return c.Call(p, handler, v)
		}
		text, err := plainText(c, v)
		if err != nil {
			return err
		}
		s, _ := text.AsString()
		if err := p.add(c, s); err != nil {
			return err
		}
	}
	if err := c.Machine().Meter().Output().Charge(1); err != nil {
		return err
	}
	if p.keep {
		if err := c.ReserveString(len(p.line)); err != nil {
			return err
		}
		if err := libraryOf(c).options.Print(c, string(p.line)); err != nil {
			return err
		}
	}
	return c.Return()
}

// add appends the text of the next argument, after a tab unless it is the first.
func (p *printer) add(c *vm.Call, s string) error {
	n := len(s)
	if p.next > 0 {
		n++
	}
	if err := c.Machine().Meter().Output().Charge(int64(n)); err != nil {
		return err
	}
	if p.keep {
		if err := growBytes(c, &p.line, n); err != nil {
			return err
		}
		if p.next > 0 {
			p.line = append(p.line, '\t')
		}
		p.line = append(p.line, s...)
	}
	p.args[p.next] = vm.Nil
	p.next++
	return nil
}

// Trace counts what the print holds.
func (p *printer) Trace(w *vm.Walk) {
	w.Values(p.args)
	w.Value(p.tostring)
	w.Bytes(int64(len(p.args))*limits.ValueBytes + int64(cap(p.line)))
}

// growBytes makes room for n more bytes in b, charging for them and for moving
// what is there. Appending n bytes afterwards does not allocate.
func growBytes(c *vm.Call, b *[]byte, n int) error {
	if err := c.Work(limits.Units(int64(n), limits.BytesPerUnit)); err != nil {
		return err
	}
	need := len(*b) + n
	if need <= cap(*b) {
		return nil
	}
	size := max(need, 2*cap(*b), 64)
	if err := c.Reserve(int64(size)); err != nil {
		return err
	}
	if err := c.Work(limits.Units(int64(len(*b)), limits.BytesPerUnit)); err != nil {
		return err
	}
	grown := make([]byte, len(*b), size)
	copy(grown, *b)
	*b = grown
	return nil
}
