package vm

import (
	"errors"

	"github.com/luasandbox/modrunner/limits"
)

// Tracer is something of the host's that holds Lua values, such as a list of
// event handlers.
type Tracer interface{ Trace(w *Walk) }

// AddRoot makes t's values count as reachable.
func (m *Machine) AddRoot(t Tracer) { m.roots = append(m.roots, t) }

// Walk is a census in progress: a walk over everything reachable, without
// recursion, that adds up bytes. Objects are marked with the number of the walk.
type Walk struct {
	m       *Machine
	epoch   uint8
	grey    []Value // marked, their contents not yet counted
	weak    []*Table
	dead    []*Table // with entries that were deleted and still have their keys
	bytes   int64
	objects int64
	texts   int64 // strings, of objects
	text    int64 // their part of bytes
	threads int64
}

// Value counts v and all that it reaches.
func (w *Walk) Value(v Value) {
	if v.p == nil {
		return
	}
	h := (*header)(v.p)
	if h.kind <= objNumber || h.flags&flagShared != 0 || h.mark == w.epoch {
		return
	}
	h.mark = w.epoch
	w.objects++
	if h.kind == objString {
		n := limits.StringHeader + int64(len((*stringObject)(v.p).s))
		w.bytes += n
		w.text += n
		w.texts++
		return
	}
	w.grey = append(w.grey, v)
}

// Values counts each of vs.
func (w *Walk) Values(vs []Value) {
	for i := range vs {
		w.Value(vs[i])
	}
}

// Bytes counts n bytes that belong to no value, such as a buffer.
func (w *Walk) Bytes(n int64) { w.bytes += n }

// takeCensus finds out how many bytes are live, and how many coroutines. It is
// charged in proportion to what the last census found and what was charged since,
// which bounds what there is to walk. Others with whom the machine shares an account
// take one, too, if n bytes are not to be had otherwise.
func (m *Machine) takeCensus(n int64) error {
	if err := m.work(m.Memory() / limits.CensusBytesPerUnit); err != nil {
		return err
	}
	charged := m.window - m.headroom
	err := m.count()
	if m.shares {
		if charged := m.total.Memory().Ask(n, charged, limits.CensusBytesPerUnit, m.work); charged != nil {
			return charged
		}
		var limit *limits.Error
		if errors.As(err, &limit) && limit.Kind == limits.Memory {
			err = m.total.Memory().Set(m.live) // others may hold less now
		}
		m.Share()
	}
	return err
}

// Census walks over everything reachable and returns the bytes that are live.
// The machine must not be executing anything.
func (m *Machine) Census() int64 {
	_ = m.count() // above a limit or not, the figures are what they are
	return m.live
}

// count takes the walk, starts the stretch until the next one, and enters what
// was found in the account. The error is that of a limit which that is above.
func (m *Machine) count() error {
	m.allocated += m.window - m.headroom
	w := m.walk()
	m.openWindow(w.bytes)
	m.peak = max(m.peak, w.bytes)
	coroutines := m.total.Coroutines().Set(w.threads)
	if err := m.total.Memory().Set(w.bytes); coroutines == nil {
		return err
	}
	return coroutines
}

// walk counts everything reachable and clears what is weak or stale.
func (m *Machine) walk() *Walk {
	m.epoch++
	if m.epoch == 0 {
		m.epoch = 1
	}
	w := &Walk{m: m, epoch: m.epoch}
	w.Value(m.globals.Value())
	w.host()
	most := 0
	for len(w.grey) > 0 {
		most = max(most, len(w.grey))
		v := w.grey[len(w.grey)-1]
		w.grey = w.grey[:len(w.grey)-1]
		w.contents(v)
	}
	for _, t := range w.weak {
		w.clear(t)
	}
	for _, t := range w.dead {
		w.bury(t)
	}
	// The walk's own memory, whose lists grow by doubling. What it takes in
	// instructions is in the price of the census.
	m.allocated += limits.CensusBytes + 2*(int64(most)*limits.ValueBytes+int64(len(w.weak)+len(w.dead))*8)
	return w
}

// host shows w what is reached otherwise than through the globals.
func (w *Walk) host() {
	m := w.m
	for _, t := range m.metas {
		if t != nil {
			w.Value(t.Value())
		}
	}
	if m.strings != nil {
		w.Value(m.strings.Value())
	}
	for _, r := range m.runs {
		w.Values(r.results)
		for th := r.cur; th != nil; th = th.resumer {
			w.thread(th)
		}
		w.thread(r.th)
	}
	if m.spare != nil {
		w.thread(m.spare)
	}
	for _, t := range m.roots {
		t.Trace(w)
	}
}

func (w *Walk) thread(th *Thread) {
	w.Value(th.Value())
}

func (w *Walk) contents(v Value) {
	switch (*header)(v.p).kind {
	case objTable:
		w.table((*Table)(v.p))
	case objClosure:
		f := (*Closure)(v.p)
		w.closure(f)
		if f.env != nil {
			w.Value(f.env.Value())
		}
		for _, u := range f.up {
			w.upvalue(u)
		}
	case objNative:
		f := (*Native)(v.p)
		w.bytes += limits.ClosureHeader + int64(len(f.up))*limits.ValueBytes
		w.Values(f.up)
	case objUserdata:
		u := (*Userdata)(v.p)
		w.bytes += limits.ClosureHeader + u.bytes
		if u.meta != nil {
			w.Value(u.meta.Value())
		}
		if t, ok := u.payload.(Tracer); ok {
			t.Trace(w)
		}
	case objThread:
		w.stack((*Thread)(v.p))
	}
}

func (w *Walk) closure(f *Closure) {
	w.bytes += limits.ClosureHeader + int64(len(f.up))*8
	w.program(f.proto.program)
}

func (w *Walk) upvalue(u *upvalue) {
	if u.mark == w.epoch {
		return
	}
	u.mark = w.epoch
	w.bytes += limits.UpvalueBytes
	w.Value(*u.v)
	if u.th != nil {
		w.thread(u.th)
	}
}

// tableBytes is what t counts as, without what it refers to.
func tableBytes(t *Table) int64 {
	n := limits.TableHeader + int64(t.lost) + int64(len(t.arr))*limits.ValueBytes
	if t.flags&flagBorrowed == 0 {
		n += entryBytes(cap(t.ents))
	}
	return n
}

// weakness tells which references of t do not keep things alive.
func (t *Table) weakness() (keys, values bool) {
	mode, _ := metamethod(t.meta, eventMode).AsString()
	for i := range min(len(mode), 8) {
		keys = keys || mode[i] == 'k'
		values = values || mode[i] == 'v'
	}
	return keys, values
}

func (w *Walk) table(t *Table) {
	w.bytes += tableBytes(t)
	if t.meta != nil {
		w.Value(t.meta.Value())
	}
	weakKeys, weakValues := t.weakness()
	if weakKeys || weakValues {
		w.weak = append(w.weak, t)
	}
	if !weakValues {
		w.Values(t.arr)
	}
	deleted := false
	for i := range t.ents {
		e := &t.ents[i]
		if e.val.p == nil {
			deleted = deleted || (*header)(e.key.p).kind > objNumber
			continue
		}
		if !weakKeys {
			w.Value(e.key)
		}
		if !weakValues {
			w.Value(e.val)
		}
	}
	if deleted || weakKeys || weakValues {
		w.dead = append(w.dead, t)
	}
}

// clear drops the weak references of t to what nothing else reaches. Strings are
// values, not objects, in this respect (manual, section 2.10.2).
func (w *Walk) clear(t *Table) {
	weakKeys, weakValues := t.weakness()
	if weakValues {
		for i := range t.arr {
			if w.gone(t.arr[i]) {
				t.arr[i] = Value{}
			}
		}
	}
	for i := range t.ents {
		e := &t.ents[i]
		if e.val.p != nil && (weakKeys && w.gone(e.key) || weakValues && w.gone(e.val)) {
			e.val = Value{}
		}
	}
}

// bury forgets the keys of deleted entries that nothing else reaches: they would
// hold memory that is not counted. A loop that deletes as it goes still holds the
// key that it is at.
func (w *Walk) bury(t *Table) {
	for i := range t.ents {
		e := &t.ents[i]
		if e.val.p != nil {
			continue
		}
		if h := (*header)(e.key.p); h.kind > objNumber && h.flags&flagShared == 0 && h.mark != w.epoch {
			e.key = buriedKey
		}
	}
}

// program counts what a closure's code holds, if a script compiled it. What the
// host compiled is the host's.
func (w *Walk) program(p *Program) {
	if p.owner == w.m && p.mark != w.epoch {
		p.mark = w.epoch
		w.bytes += p.bytes - p.stringBytes
		w.objects++
		w.Values(p.strings)
	}
}

// gone reports whether v is an object that the walk did not reach.
func (w *Walk) gone(v Value) bool {
	if v.p == nil {
		return false
	}
	h := (*header)(v.p)
	if h.kind == objString {
		w.Value(v)
		return false
	}
	return h.kind > objString && h.flags&flagShared == 0 && h.mark != w.epoch
}

// stack counts what a thread holds, and clears the slots that hold leftovers.
func (w *Walk) stack(th *Thread) {
	w.bytes += limits.ThreadBytes + int64(len(th.stack))*limits.ValueBytes + int64(cap(th.frames))*limits.FrameBytes
	if th.status != Dead && !th.host {
		w.threads++
	}
	w.Value(th.entry)
	top := min(th.top, len(th.stack))
	clear(th.stack[top:])
	w.clearDead(th)
	w.Values(th.stack[:top])
	for i := range th.frames {
		f := &th.frames[i]
		if f.kind == frameLua {
			w.Value(f.cl.Value())
			continue
		}
		w.Value(f.nat.Value())
		if f.cont != nil {
			f.cont.Trace(w)
		}
	}
	clear(th.frames[len(th.frames):cap(th.frames)]) // a return leaves its frame as it is
	for _, u := range th.open {
		if u.mark != w.epoch {
			u.mark = w.epoch
			w.bytes += limits.UpvalueBytes
		}
	}
}

// clearDead clears the registers of th's Lua frames that hold nothing any more.
// Those above the function of a call belong to the call, and the operands of a
// call in preparation may lie above what the compiler knew of: both are left alone.
// So is a frame that was paused, between two instructions.
func (w *Walk) clearDead(th *Thread) {
	n := len(th.frames)
	if w.m.run == nil || w.m.run.cur != th {
		n--
	}
	for i := range max(n, 0) {
		f := &th.frames[i]
		if f.kind != frameLua || f.pc == 0 {
			continue
		}
		p := f.cl.proto
		switch p.code[f.pc-1].op() {
		case opCall, opTailCall, opReturn, opVararg, opSetList, opTFor:
			continue
		}
		base := int(f.base)
		end := base + p.maxStack
		if i+1 < len(th.frames) {
			end = min(end, int(th.frames[i+1].ret))
		}
		if from := base + int(p.live[f.pc-1]); from < end {
			clear(th.stack[from:end])
		}
	}
}
