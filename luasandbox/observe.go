package luasandbox

import (
	"math"

	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// HostCall is one execution of a host function, for Config.Observe.
type HostCall struct {
	Grant        string   // the grant's name; "" for globals
	Function     string   // "world.spawn", a method "Unit:damage", a property "Unit.hp", a global "log"
	Err          error    // nil if it succeeded; else all that the host knows, also where the script sees "host error"
	Later        bool     // the function has yet to answer, and is told of again when its answer is taken
	Answer       bool     // this is the answer of a function that was told of as Later
	Pending      *Pending // what it answers with, if Later
	Instructions int64    // of the sandbox so far, exactly
	Cost         int64    // of these, what this call took, with all that it called back

	watched *observation
}

// observation is what a HostCall is asked for. It is the sandbox's, and used again for
// each call.
type observation struct {
	call   *vm.Call   // nil when Observe has returned
	args   []vm.Value // as they were passed, those that the function takes
	left   []vm.Value // the results
	raised *vm.Error  // in their place
	cost   int64
}

// maxDigest is how much is digested whatever the call has cost, in units of digesting.
const maxDigest = 64

// Digest returns a hash (FNV-1a, 64 bits) of the arguments that the function takes, the
// receiver first, and of its results, or of the error that the script sees, as Lua
// values: in the same run of the same script it is the same in every process. Numbers
// count with their bits, every NaN as one; strings with their bytes; tables with
// what is in them, in the order of next; functions with their kind, name or place, and
// handles with their type and the number of the handle in the sandbox. For an answer
// there are no arguments, for a call that has yet to answer no results.
//
// It is computed when it is asked for, and its work is bounded in proportion to what
// the call has cost the script; of arguments beyond that, such as a large table that
// was refused, the digest has a part. It is valid during Observe, and 0 afterwards.
func (h HostCall) Digest() uint64 {
	o := h.watched
	if o == nil || o.call == nil {
		return 0
	}
	d := digest{hash: fnvOffset, left: o.cost + maxDigest}
	d.word(uint64(len(o.args)))
	for _, v := range o.args {
		d.value(v, 0)
	}
	if o.raised != nil {
		d.byte('!')
		d.value(o.raised.Value, 0)
	}
	d.word(uint64(len(o.left)))
	for _, v := range o.left {
		d.value(v, 0)
	}
	return d.hash
}

// Place returns where in the script the call is: the chunk and the line of the innermost
// function of the script's. It is valid during Observe, and "" and 0 afterwards. The
// chunk's name can be one that the script chose.
func (h HostCall) Place() (chunk string, line int) {
	if h.watched == nil || h.watched.call == nil {
		return "", 0
	}
	return h.watched.call.Site()
}

// caused notes what a function failed of, for Observe.
func (b *bindings) caused(err error) {
	if b.s.cfg.Observe != nil {
		b.cause = err
	}
}

// observed executes body, which is f with args or the taking of its answer, and tells
// Observe.
func (s *Sandbox) observed(f *function, c *vm.Call, args []vm.Value, answer bool, body vm.Func) error {
	taken := len(f.params)
	if f.self != nil {
		taken++
	}
	if !f.variadic {
		args = args[:min(len(args), taken)]
	}
	// The results take the place of the arguments.
	mark := len(s.host.passed)
	s.host.passed = append(s.host.passed, args...)
	args = s.host.passed[mark:]
	before := s.m.Instructions()
	err := body(c)
	cause := s.host.cause
	s.host.cause = nil
	h := HostCall{Grant: f.grant.name, Function: f.label, Later: err == nil && c.Awaits(), Answer: answer,
		Instructions: s.m.Instructions(), watched: &s.host.watched}
	h.Cost = h.Instructions - before
	if h.Later {
		h.Pending = s.host.waiting
	}
	s.host.watched = observation{call: c, args: args, cost: h.Cost}
	if err != nil {
		h.Err = cause
		if cause == nil || isFatal(err) {
			h.Err = s.public(err)
		}
		s.host.watched.raised, _ = err.(*vm.Error)
	} else if !h.Later {
		s.host.watched.left = c.Left()
	}
	s.cfg.Observe(h)
	s.host.watched = observation{}
	clear(args)
	s.host.passed = s.host.passed[:mark]
	return err
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// digest is a hash in the making. Each value begins with its kind, and with its length
// if that varies, so that no two lists of values are the same bytes.
type digest struct {
	hash uint64
	left int64             // units that may still be spent: values, and started 64 bytes of strings
	seen map[*vm.Table]int // tables, numbered as they are come to
}

func (d *digest) byte(b byte) { d.hash = (d.hash ^ uint64(b)) * fnvPrime }

func (d *digest) word(n uint64) {
	for range 8 {
		d.byte(byte(n))
		n >>= 8
	}
}

func (d *digest) text(s string) {
	const unit = 64
	d.word(uint64(len(s)))
	n := int(min(int64(len(s)), max(d.left, 0)*unit))
	d.left -= int64(n+unit-1) / unit
	for i := range n {
		d.byte(s[i])
	}
}

func (d *digest) value(v vm.Value, depth int) {
	d.left--
	if d.left < 0 {
		d.byte('.')
		return
	}
	kind := v.Kind()
	d.byte(byte(kind))
	switch kind {
	case vm.KindBoolean:
		b, _ := v.AsBool()
		if b {
			d.byte(1)
		} else {
			d.byte(0)
		}
	case vm.KindNumber:
		f, _ := v.AsNumber()
		if f != f {
			f = math.NaN()
		}
		d.word(math.Float64bits(f))
	case vm.KindString:
		s, _ := v.AsString()
		d.text(s)
	case vm.KindTable:
		d.table(v.AsTable(), depth)
	case vm.KindFunction:
		if n := v.AsNative(); n != nil {
			d.text(n.Name())
			return
		}
		chunk, line := v.AsClosure().Source()
		d.text(chunk)
		d.word(uint64(line))
		d.word(uint64(v.Number()))
	case vm.KindUserdata:
		if h := asHandle(v); h != nil {
			d.text(h.t.name)
			d.word(uint64(h.number))
			return
		}
		d.word(uint64(v.Number()))
	case vm.KindThread:
		d.word(uint64(v.Number()))
	}
}

func (d *digest) table(t *vm.Table, depth int) {
	if n, ok := d.seen[t]; ok {
		d.byte('=')
		d.word(uint64(n))
		return
	}
	array, hash := t.Size()
	if depth >= maxDepth || int64(array)+int64(hash) > d.left {
		d.byte('.')
		d.word(uint64(array))
		d.word(uint64(hash))
		return
	}
	if d.seen == nil {
		d.seen = map[*vm.Table]int{}
	}
	d.seen[t] = len(d.seen)
	d.left -= int64(array+hash) / 2 // to come by what is empty, too
	for key, v, _, err := t.Next(vm.Nil); err == nil && !key.IsNil(); key, v, _, err = t.Next(key) {
		d.value(key, depth+1)
		d.value(v, depth+1)
	}
	d.byte(';')
}
