package luasandbox

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Func declares a host function: an ordinary Go function
//
//	func([ctx context.Context,] [parameters…]) ([results…] [, error])
//
// Parameters and results are copies. Their types: bool; every kind of integer (an
// argument must be whole and in range) and float; string; []byte, a string in Lua;
// slices and arrays, lists in Lua; maps; structs, of which the fields with a tag
// `lua:"name"` or `lua:"name,optional"` exist for scripts, and no others; any, which
// takes what is described at [Results]; pointers to these, whose argument may be nil
// or absent; [*Function], a callback; *T and [Handle] for a [HandleType] that the
// grant lists. The last parameter may be variadic. In place of results a function
// may return [Results], to decide at run time how many there are, or a [*Pending],
// to answer later.
//
// The context is the running call's: it ends when the call must, and it is what
// [Function.Call], [Sandbox.Call], [Charge], [Local] and [Revoke] recognise the
// running call by.
//
// A non-nil error raises an error in the script: with its own text if it is made by
// [Errorf], or has a method LuaMessage() string; otherwise, and for a panic, with the
// text "host error [id]", while the error itself goes to Config.Logger under that id.
//
// Every call costs limits.HostCall instructions, [Cost], and what is copied, before
// it is made, and counts against Limits.HostCalls.
func Func(name string, fn any, opts ...FuncOption) Member { return newFunction(name, fn, opts) }

func newFunction(name string, fn any, opts []FuncOption) *function {
	f := &function{name: name, fn: reflect.ValueOf(fn)}
	for _, o := range opts {
		o(f)
	}
	return f
}

// function is a host function, analysed.
type function struct {
	grant     *Grant
	name, doc string
	label     string // for logs and tracebacks: "world.spawn"
	fn        reflect.Value

	context  bool
	self     *handleType // a method's
	params   []param     // without context and self
	variadic bool        // the last parameter is
	results  []result    // without the error
	spread   bool        // the one result is Results
	later    bool        // the one result is *Pending
	fails    bool        // the last result is an error
	blocking bool
	anywhere bool
	property bool // reads a property: tables that it returns are read-only
	cost     int64
	fast     fastCall // or nil

	reflection int64 // the price of calling it by reflection, beyond limits.HostCall
	garbage    int64 // bytes that a call by reflection leaves behind

	// What options said, before the analysis.
	paramNames, resultNames []string
	optional                []string
	per                     map[string]int64
	filters                 []filtered
	nan                     bool
}

type param struct {
	name     string
	shape    *shape // of one element, if variadic
	optional bool
	per      int64 // CostPer

	filter     Filter // or nil
	filterName string
}

type result struct {
	name  string
	shape *shape
}

func (f *function) declare(d *declarations) {
	d.name(f.name)
	c := *f // a member may be in several grants, and each analyses its own
	d.functions = append(d.functions, &c)
}

// FuncOption says of a function what its Go type does not.
type FuncOption func(*function)

// Doc says what the function does, for schema, type stubs and manuals.
func Doc(text string) FuncOption { return func(f *function) { f.doc = text } }

// Params names the parameters, without context and receiver, all of them.
func Params(names ...string) FuncOption { return func(f *function) { f.paramNames = names } }

// Returns names the results, without the error, all of them. Where the function's
// type does not tell how many there are ([Results], [*Pending]), any number.
func Returns(names ...string) FuncOption { return func(f *function) { f.resultNames = names } }

// Optional makes parameters, named by [Params], ones that may be nil or absent: the
// function gets the zero value.
func Optional(params ...string) FuncOption {
	return func(f *function) { f.optional = append(f.optional, params...) }
}

// Cost is what a call costs in instructions, beside the price of every host call.
func Cost(units int64) FuncOption { return func(f *function) { f.cost = units } }

// CostPer is what a call costs in instructions for the size of one argument, named by
// [Params]: for each element of a table, and each started 64 bytes of a string.
func CostPer(param string, units int64) FuncOption {
	return func(f *function) {
		if f.per == nil {
			f.per = map[string]int64{}
		}
		f.per[param] = units
	}
}

// AllowNaN lets floating-point arguments be NaN, which otherwise is refused.
func AllowNaN() FuncOption { return func(f *function) { f.nan = true } }

// Blocking declares, for schedulers and in the schema, that the function may block
// the goroutine that runs the script. It is called like any other.
func Blocking() FuncOption { return func(f *function) { f.blocking = true } }

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
	resultsType = reflect.TypeFor[Results]()
	pendingType = reflect.TypeFor[*Pending]()
)

// analyse looks at the function's type. self is the type whose method it is, if any.
func (f *function) analyse(handles map[reflect.Type][]*handleType, self *handleType) error {
	if !f.fn.IsValid() || f.fn.Kind() != reflect.Func || f.fn.IsNil() {
		return errors.New("want a function")
	}
	if f.cost < 0 {
		return fmt.Errorf("cost %d is negative", f.cost)
	}
	sc := newScope(handles)
	sc.nan = f.nan
	t := f.fn.Type()
	in := 0
	if t.NumIn() > in && t.In(in) == contextType {
		f.context = true
		in++
	}
	if self != nil {
		if t.NumIn() <= in || t.In(in) != self.goType {
			return fmt.Errorf("want a first parameter of type %s", self.goType)
		}
		f.self = self
		in++
	}
	if err := f.analyseParams(sc, t, in); err != nil {
		return err
	}
	if err := f.analyseResults(sc, t); err != nil {
		return err
	}
	f.fast = fastCallOf(f)
	f.reflection = 2 * int64(len(f.params)) * limits.AllocObject
	f.garbage = limits.HostCallBytes + int64(len(f.params)+t.NumOut())*limits.HostValueBytes
	for i := range f.params {
		f.garbage += int64(f.params[i].shape.typ.Size())
	}
	for i := range t.NumOut() {
		f.garbage += int64(t.Out(i).Size())
	}
	if f.context {
		f.reflection += 6 * limits.AllocObject
		f.garbage += limits.HostContextBytes
	}
	if f.later {
		f.garbage += pendingBytes
	}
	return nil
}

func (f *function) analyseParams(sc *scope, t reflect.Type, in int) error {
	if n := t.NumIn() - in; len(f.paramNames) > 0 && len(f.paramNames) != n {
		return fmt.Errorf("Params names %d parameters, there are %d", len(f.paramNames), n)
	}
	f.variadic = t.IsVariadic()
	byName := map[string]*param{}
	f.params = make([]param, t.NumIn()-in)
	for i := range f.params {
		pt := t.In(in + i)
		if f.variadic && i == len(f.params)-1 {
			pt = pt.Elem()
		}
		sh, err := sc.shapeOf(pt)
		if err != nil {
			return fmt.Errorf("parameter %d: %w", i+1, err)
		}
		p := &f.params[i]
		*p = param{name: fmt.Sprintf("arg%d", i+1), shape: sh, optional: sh.optional}
		if len(f.paramNames) > 0 {
			p.name = f.paramNames[i]
			if !isName(p.name) {
				return fmt.Errorf("parameter name %q is no Lua name", p.name)
			}
		}
		if byName[p.name] != nil {
			return fmt.Errorf("two parameters are called %q", p.name)
		}
		byName[p.name] = p
	}
	for _, name := range f.optional {
		if byName[name] == nil {
			return fmt.Errorf("Optional names %q, which is no parameter", name)
		}
		byName[name].optional = true
	}
	for name, units := range f.per {
		if byName[name] == nil {
			return fmt.Errorf("CostPer names %q, which is no parameter", name)
		}
		if units < 0 {
			return fmt.Errorf("cost %d for each of %q is negative", units, name)
		}
		byName[name].per = units
	}
	return f.analyseFilters(byName)
}

func (f *function) analyseResults(sc *scope, t reflect.Type) error {
	n := t.NumOut()
	if n > 0 && t.Out(n-1) == errorType {
		f.fails = true
		n--
	}
	if n == 1 && t.Out(0) == resultsType {
		f.spread = true
		return nil
	}
	if n == 1 && t.Out(0) == pendingType {
		f.later = true
		return nil
	}
	if len(f.resultNames) > 0 && len(f.resultNames) != n {
		return fmt.Errorf("Returns names %d results, there are %d", len(f.resultNames), n)
	}
	for i := range n {
		sh, err := sc.shapeOf(t.Out(i))
		if err != nil {
			return fmt.Errorf("result %d: %w", i+1, err)
		}
		r := result{shape: sh}
		if len(f.resultNames) > 0 {
			r.name = f.resultNames[i]
		}
		f.results = append(f.results, r)
	}
	return nil
}

// native returns the function's body in s.
func (f *function) native(s *Sandbox) vm.Func {
	body := func(c *vm.Call) error {
		if f.fast != nil {
			if done, err := f.fast(s, c); done {
				return err
			}
		}
		return f.call(s, c, c.Args(), func(i int, err error) error { return f.badArgument(c, i, err) })
	}
	if s.cfg.Observe != nil {
		plain := body
		body = func(c *vm.Call) error { return s.observed(f, c, c.Args(), false, plain) }
	}
	if s.cfg.Turns && !f.anywhere {
		return s.inTurn(body)
	}
	return body
}

// access is native for a property, whose metamethod is again: args are those of f, and
// fail makes the error for a bad one.
func (f *function) access(s *Sandbox, c *vm.Call, args []vm.Value, fail func(i int, err error) error, again vm.Func) error {
	switch {
	case s.awaitsTurn(f):
		return c.Turn(&turn{again})
	case s.cfg.Observe != nil:
		return s.observed(f, c, args, false, func(c *vm.Call) error { return f.call(s, c, args, fail) })
	}
	return f.call(s, c, args, fail)
}

// badArgument is the script's error for argument i, from 0. It names the function as
// it was declared, since a script may call it whatever it likes.
func (f *function) badArgument(c *vm.Call, i int, err error) error {
	if f.self == nil {
		i++
	}
	if i == 0 {
		return c.Errorf("calling '%s' on bad self (%v)", f.name, err)
	}
	return c.Errorf("bad argument #%d to '%s' (%v)", i, f.name, err)
}

// charge pays for a call, without its arguments.
func (f *function) charge(s *Sandbox, c *vm.Call) error {
	if err := s.m.Meter().HostCalls().Charge(1); err != nil {
		return err
	}
	return c.Work(limits.MulAdd(1, f.cost, limits.HostCall))
}

// call executes the function with args, the first of which is a method's receiver.
// fail makes the error for a bad argument.
func (f *function) call(s *Sandbox, c *vm.Call, args []vm.Value, fail func(i int, err error) error) error {
	if err := f.charge(s, c); err != nil {
		return err
	}
	if err := c.Work(f.reflection); err != nil {
		return err
	}
	if err := c.Reserve(f.garbage); err != nil {
		return err
	}
	d := decoding{s: s, m: s.m, left: maxElements}
	in, err := f.arguments(&d, args, fail)
	if err != nil {
		d.release(d.held)
		d.release(d.borrowed)
		if e, ok := err.(*filterPanic); ok {
			return f.opaque(s, c, e.panicked, e.stack)
		}
		return err
	}
	out, err := f.execute(s, c, in)
	d.release(d.borrowed)
	if err != nil {
		return err
	}
	switch {
	case f.later:
		return f.await(s, c, out[0].Interface().(*Pending))
	case f.spread:
		return f.giveAny(s, c, out[0].Interface().(Results))
	}
	return f.give(s, c, out)
}

// arguments copies args in. The first element is left for the context.
func (f *function) arguments(d *decoding, args []vm.Value, fail func(i int, err error) error) ([]reflect.Value, error) {
	in := make([]reflect.Value, 1, len(f.params)+2)
	at := 0
	if f.self != nil {
		var v vm.Value
		if len(args) > 0 {
			v = args[0]
		}
		h := asHandle(v)
		if h == nil || h.t != f.self {
			return nil, fail(0, &mismatch{want: f.self.name, got: d.s.describe(v)})
		}
		if h.object == nil {
			return nil, fail(0, &mismatch{want: "the " + f.self.name + " is gone"})
		}
		in = append(in, reflect.ValueOf(h.object))
		at = 1
	}
	for i := range f.params {
		p := &f.params[i]
		if f.variadic && i == len(f.params)-1 {
			rest := args[min(at, len(args)):]
			if err := d.take(len(rest), limits.CopyElement, int64(p.shape.typ.Size())+anyBytes, sliceBytes); err != nil {
				return nil, d.failed(at, err, fail)
			}
			list := reflect.MakeSlice(reflect.SliceOf(p.shape.typ), len(rest), len(rest))
			for j, v := range rest {
				if err := d.argument(p, v, list.Index(j)); err != nil {
					return nil, d.failed(at+j, err, fail)
				}
			}
			in = append(in, list)
			break
		}
		var v vm.Value
		if at < len(args) {
			v = args[at]
		}
		slot := reflect.New(p.shape.typ).Elem()
		if err := d.argument(p, v, slot); err != nil {
			if e, ok := err.(*mismatch); ok && at >= len(args) && e.path == "" {
				e.got = "no value"
			}
			return nil, d.failed(at, err, fail)
		}
		in = append(in, slot)
		at++
	}
	return in, nil
}

// failed makes the script's error of err, unless it ends the call.
func (d *decoding) failed(i int, err error, fail func(i int, err error) error) error {
	if _, ok := err.(*mismatch); ok {
		return fail(i, err)
	}
	return err
}

// argument copies one argument into slot.
func (d *decoding) argument(p *param, v vm.Value, slot reflect.Value) error {
	if p.optional && v.IsNil() {
		return nil
	}
	if p.per > 0 {
		n := int64(0)
		if s, ok := v.AsString(); ok {
			n = limits.Units(int64(len(s)), limits.BytesPerUnit)
		} else if t := v.AsTable(); t != nil {
			array, hash := t.Size()
			n = int64(array) + int64(hash)
		}
		if err := d.m.Work(limits.MulAdd(n, p.per, 0)); err != nil {
			return err
		}
	}
	if err := p.shape.decode(d, v, slot); err != nil || p.filter == nil {
		return err
	}
	return d.clean(p, slot)
}

// execute calls the Go function. in has a free first element for the context. The
// error is the script's, or ends the call.
func (f *function) execute(s *Sandbox, c *vm.Call, in []reflect.Value) (out []reflect.Value, err error) {
	leave := s.host.execute(f)
	returned := func() {}
	if f.context {
		var ctx context.Context
		ctx, returned = s.hostContext(s.host.context())
		in[0] = reflect.ValueOf(ctx)
	} else {
		in = in[1:]
	}
	var failure error
	var stack []byte
	func() {
		defer returned()
		defer func() {
			if v := recover(); v != nil {
				failure, stack = panicked{v}, debug.Stack()
			}
		}()
		if f.variadic {
			out = f.fn.CallSlice(in)
		} else {
			out = f.fn.Call(in)
		}
	}()
	nested := leave()
	if err := s.m.Dead(); err != nil {
		return nil, err
	}
	if nested.fatal != nil {
		return nil, nested.fatal
	}
	if failure != nil {
		return nil, f.opaque(s, c, failure, stack)
	}
	if f.fails {
		last := len(out) - 1
		if err, _ := out[last].Interface().(error); err != nil {
			return nil, f.failed(s, c, err, nested)
		}
		out = out[:last]
	}
	return out, nil
}

// maxHostMessage bounds the text of a host's error that a script sees.
const maxHostMessage = 4 << 10

// failed makes the script's error of one that the host returned.
func (f *function) failed(s *Sandbox, c *vm.Call, err error, nested nestedError) error {
	s.host.caused(err)
	if charged := c.Reserve(limits.HostErrorBytes); charged != nil {
		return charged
	}
	// The script's own error, on its way through a host function.
	var script *ScriptError
	if nested.raised != nil && errors.As(err, &script) && script == nested.shown {
		return nested.raised
	}
	text, ok := luaMessage(err)
	if !ok {
		return f.opaque(s, c, err, nil)
	}
	if len(text) > maxHostMessage {
		text = text[:maxHostMessage]
	}
	if err := c.ReserveString(len(text)); err != nil {
		return err
	}
	raised := c.Errorf("%s", text)
	if e, ok := raised.(*vm.Error); ok {
		e.Err = err
	}
	return raised
}

// luaMessage returns what a script may know of err, if anything.
func luaMessage(err error) (text string, ok bool) {
	defer func() {
		if recover() != nil {
			text, ok = "", false
		}
	}()
	var shown interface{ LuaMessage() string }
	if errors.As(err, &shown) {
		return shown.LuaMessage(), true
	}
	return "", false
}

// hostStackBytes is how long the stack of a panic is taken to be, and is cut to for
// the log. How long it really is depends on addresses and on the host, and no figure
// of a script's may. It is made by doubling, and copied, at some 5 ns a byte.
const hostStackBytes = 8 << 10

// opaque logs a failure and makes an error that says no more than its id.
func (f *function) opaque(s *Sandbox, c *vm.Call, err error, stack []byte) error {
	s.host.caused(err)
	if stack != nil {
		stack = stack[:min(len(stack), hostStackBytes)]
		if charged := c.Work(2 * hostStackBytes); charged != nil {
			return charged
		}
		for range 6 { // in pieces: it is garbage as soon as it is logged
			if charged := c.Reserve(hostStackBytes); charged != nil {
				return charged
			}
		}
	}
	if charged := c.Reserve(limits.HostErrorBytes); charged != nil {
		return charged
	}
	failure := s.hostError(f.label, err, stack)
	raised := c.Errorf("%s", failure.Error())
	if e, ok := raised.(*vm.Error); ok {
		e.Err = failure
	}
	return raised
}

// give copies the results out.
func (f *function) give(s *Sandbox, c *vm.Call, out []reflect.Value) error {
	e := encoding{s: s, m: s.m, left: maxElements, readOnly: f.property}
	defer e.end(len(s.host.building))
	var room [4]vm.Value
	values := room[:0]
	for i, r := range f.results {
		v, err := r.shape.encode(&e, out[i])
		if err != nil {
			return f.badResult(s, c, i, err)
		}
		values = append(values, v)
		e.made(v)
	}
	return c.Return(values...)
}

// giveAny copies results out whose types are not declared.
func (f *function) giveAny(s *Sandbox, c *vm.Call, out []any) error {
	e := encoding{s: s, m: s.m, left: maxElements - len(out)}
	if e.left < 0 {
		return f.badResult(s, c, 0, &mismatch{want: "too many results"})
	}
	if err := c.Work(int64(len(out)) * limits.CopyElement); err != nil {
		return err
	}
	if err := c.Reserve(int64(len(out)) * limits.ValueBytes); err != nil {
		return err
	}
	defer e.end(len(s.host.building))
	values := make([]vm.Value, len(out))
	for i, x := range out {
		v, err := e.any(x)
		if err != nil {
			return f.badResult(s, c, i, err)
		}
		values[i] = v
		e.made(v)
	}
	return c.Return(values...)
}

// badResult is the error of a result that cannot be copied out: the host's mistake,
// unless it is a limit of the script's.
func (f *function) badResult(s *Sandbox, c *vm.Call, i int, err error) error {
	if _, ok := err.(*vm.Error); ok || isFatal(err) {
		return err
	}
	var limit *limits.Error
	if _, ok := err.(*mismatch); !ok && errors.As(err, &limit) {
		return err // a message of the machine's, such as a string that is too large
	}
	return f.opaque(s, c, fmt.Errorf("result %d: %w", i+1, err), nil)
}

// Errorf returns an error whose text a script may see, if a host function returns
// it, or one that wraps it. It is formatted, and wraps, as fmt.Errorf does: what is
// wrapped is shown as well.
func Errorf(format string, args ...any) error { return &messageError{fmt.Errorf(format, args...)} }

type messageError struct{ err error }

func (e *messageError) Error() string      { return e.err.Error() }
func (e *messageError) Unwrap() error      { return e.err }
func (e *messageError) LuaMessage() string { return e.err.Error() }
