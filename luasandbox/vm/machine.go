package vm

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/luasandbox/modrunner/limits"
)

// Config is what a Machine is made of. The zero Config has default limits, no
// library at all and the wall clock.
type Config struct {
	// Limits bound every call; zero fields are defaults.
	Limits limits.Limits
	// Parent, if not nil, is charged for everything this machine is charged for.
	Parent *limits.Meter
	// Now is the wall clock that Limits.Time is measured by. Default time.Now.
	Now func() time.Time
}

// Machine is one jail: its globals, its threads, its account. It is not safe for
// concurrent use; its owner serializes calls. Machines share nothing that is
// ever written.
type Machine struct {
	fuel     int64 // instructions left of those borrowed from the meter
	headroom int64 // bytes that may be allocated before the next census
	slice    int64 // instructions that the current step may still borrow; negative is a debt

	meter  *limits.Meter // of the call being executed; &total if there is none
	total  limits.Meter  // of the machine's whole life
	limits limits.Limits

	globals *Table
	strings *Table // the library that methods of strings are first looked up in
	metas   [KindThread + 1]*Table

	run    *Run    // being executed
	runs   []*Run  // not finished
	spare  *Thread // a stack for the next run
	rested *Run    // a Run for the next one
	nextID uint32
	epoch  uint8

	live      int64 // bytes found by the last census
	peak      int64 // the most a census found
	window    int64 // headroom that followed the last census
	allocated int64 // bytes ever charged, up to the last census
	roots     []Tracer

	shares bool  // the account has a parent
	owed   int64 // instructions, for censuses that others asked for

	tracing bool // names for the traceback of a stopped run are looked up, at no charge

	library any

	ctx      context.Context
	now      func() time.Time // nil: time.Now
	zero     time.Time        // what the clock counts from, if now is given
	read     time.Duration    // the clock when it was last looked at
	looked   bool             // just now: nothing was executed since
	started  time.Duration    // on the clock, less what earlier steps took
	deadline time.Duration    // on the clock; never for no deadline
	dead     error
}

// never is a time on the clock that does not come.
const never = time.Duration(math.MaxInt64)

// quantum is how many instructions are borrowed from the meter at a time, and so
// how often the clock and the context are looked at: some 50 µs.
const quantum = 8192

const (
	// maxStack is the length in values that one thread's stack may reach.
	maxStack = 1_000_000
	// window is how many registers an instruction can name. A function names
	// fewer than its maxStack: see verify.
	window = 256
	// slack is how many slots every stack has above what is in use, for the few
	// values that the machine itself puts there.
	slack = 8
	// maxNesting bounds calls within calls that go through a metamethod, an
	// iterator or a native function such as pcall, as C Lua's LUAI_MAXCCALLS does.
	// Nothing here needs that bound; scripts run into it where they do in C Lua.
	maxNesting = 200
	// handlerNesting and handlerDepth are how much deeper an error handler may go
	// than what it handles the overflow of.
	handlerNesting = 10
	handlerDepth   = 50
)

var sharedIDs atomic.Uint32

// nextSharedID returns an identity for an object that machines share.
func nextSharedID() uint32 { return sharedIDs.Add(1) | 1<<31 }

// New returns a machine with an empty table of globals.
func New(cfg Config) *Machine {
	l := cfg.Limits.WithDefaults()
	if cfg.Parent != nil {
		l = limits.Intersect(l, cfg.Parent.Limits())
	}
	m := &Machine{limits: l, now: cfg.Now, deadline: never}
	m.total.OpenAccount(l, cfg.Parent)
	m.meter = &m.total
	m.openWindow(0)
	if cfg.Parent != nil {
		m.shares = true
		m.total.Memory().Join(m)
		m.Share()
	}
	m.globals = &Table{header: header{kind: objTable}}
	return m
}

// Globals returns the table of globals.
func (m *Machine) Globals() *Table { return m.globals }

// Meter returns the account of the call being executed, or of the machine's whole
// life if there is none. Memory and coroutines are held by the latter.
func (m *Machine) Meter() *limits.Meter { return m.meter }

// Total returns the account of the machine's whole life.
func (m *Machine) Total() *limits.Meter {
	m.settle()
	return &m.total
}

// Instructions returns what was ever spent, exactly, without settling the account.
func (m *Machine) Instructions() int64 { return m.total.Instructions().Spent() - max(m.fuel, 0) }

// Limits returns the limits in force.
func (m *Machine) Limits() limits.Limits { return m.limits }

// SetLibrary keeps the library's state for this machine, for Library.
func (m *Machine) SetLibrary(state any) { m.library = state }

// Library returns what SetLibrary was given.
func (m *Machine) Library() any { return m.library }

// SetTypeMetatable gives all values of a kind that is not table or userdata a
// metatable. Scripts can read it and not write it.
func (m *Machine) SetTypeMetatable(k Kind, mt *Table) { m.metas[k] = mt }

// SetStringMethods sets the table in which s:name() is looked up before the
// string metatable's __index is: a script that overwrites string.upper does not
// change what ("x"):upper() does.
func (m *Machine) SetStringMethods(t *Table) { m.strings = t }

// Metatable returns v's metatable or nil.
func (m *Machine) Metatable(v Value) *Table {
	switch v.Kind() {
	case KindTable:
		return v.AsTable().meta
	case KindUserdata:
		return v.AsUserdata().meta
	}
	return m.metas[v.Kind()]
}

// SetMetatable gives t the metatable mt, or none if mt is nil.
func (m *Machine) SetMetatable(t, mt *Table) error {
	if t.flags&(flagReadOnly|flagShared) != 0 {
		return errReadOnly
	}
	t.meta = mt
	return nil
}

// SetUserdataMetatable gives u the metatable mt.
func (m *Machine) SetUserdataMetatable(u *Userdata, mt *Table) { u.meta = mt }

// Userdata is an opaque host object in a script's hands.
type Userdata struct {
	header
	meta    *Table
	payload any
	bytes   int64
}

// NewUserdata returns a script's handle to payload, with metatable mt (which may
// be nil or shared). bytes is what holding the payload counts as, beyond the handle.
func (m *Machine) NewUserdata(payload any, mt *Table, bytes int64) (*Userdata, error) {
	if err := m.alloc(limits.MulAdd(1, bytes, limits.ClosureHeader)); err != nil {
		return nil, err
	}
	return &Userdata{header: header{kind: objUserdata}, meta: mt, payload: payload, bytes: bytes}, nil
}

// Payload returns what the host put in.
func (u *Userdata) Payload() any { return u.payload }

// SetPayload replaces what the host put in.
func (u *Userdata) SetPayload(p any) { u.payload = p }

// identify gives o its identity: small numbers in order of first use as a key or
// in print, the same on every run.
func (m *Machine) identify(o *header) uint32 {
	if o.id == 0 {
		m.nextID++
		if m.nextID >= 1<<31 {
			m.nextID = 1
		}
		o.id = m.nextID
	}
	return o.id
}

// Number returns the identity of v, an object, and 0 if it was given none yet. It
// gives none. Those of functions of the library differ from process to process.
func (v Value) Number() uint32 {
	if v.p == nil {
		return 0
	}
	return (*header)(v.p).id
}

// Identity returns how tostring shows v, an object other than a string: its kind
// and a small number, or its name for a function of the library.
func (m *Machine) Identity(v Value) string {
	o := v.object()
	if o.kind == objNative && o.flags&flagShared != 0 {
		return "function: library: " + (*Native)(v.p).name
	}
	return fmt.Sprintf("%s: %08x", v.Kind(), m.identify(o))
}

// ---- strings

// reserveString charges for a new string of n bytes, and for writing it.
func (m *Machine) reserveString(n int64) error {
	if n > m.limits.String || n < 0 {
		return &message{text: "resulting string too large", cause: m.limits.Check(limits.String, n)}
	}
	return m.alloc(limits.StringHeader + n)
}

// NewString returns a string holding s, charged to m.
func (m *Machine) NewString(s string) (Value, error) {
	if err := m.reserveString(int64(len(s))); err != nil {
		return Value{}, err
	}
	return String(s), nil
}

// CopyString is NewString of a copy of s, which may be a small part of something large.
func (m *Machine) CopyString(s string) (Value, error) {
	if err := m.reserveString(int64(len(s))); err != nil {
		return Value{}, err
	}
	return String(strings.Clone(s)), nil
}

// ---- work and time

// work charges n instructions before the work that they pay for.
func (m *Machine) work(n int64) error {
	m.fuel -= n
	if m.fuel < 0 {
		return m.overdraw(n)
	}
	return nil
}

// Work charges n instructions before the work that they pay for. Its error ends
// the call.
func (m *Machine) Work(n int64) error { return m.work(n) }

// overdraw borrows what is missing for work that is in progress, whatever the
// slice says: the slice owes it to the next step.
func (m *Machine) overdraw(n int64) error {
	if n < 0 {
		m.fuel = 0
		return m.meter.Instructions().Charge(n)
	}
	if n >= limits.Unlimited/2 {
		m.fuel = 0
		return m.meter.Instructions().Trip()
	}
	need := -m.fuel
	m.fuel = 0
	if err := m.borrow(need); err != nil {
		return err
	}
	m.fuel -= need
	return m.checkTime()
}

// spent reports whether the step's fuel is used up.
func (m *Machine) spent() bool { return m.slice <= 0 && m.fuel <= 0 }

// borrow adds at least need units to the fuel, and up to a quantum if the slice
// allows.
func (m *Machine) borrow(need int64) error {
	b := m.meter.Instructions()
	trip := b.Trip
	if m.run == nil {
		// The host makes a value. The account of the whole life must not latch
		// because a parent's period is spent.
		trip = b.Shortage
	}
	if b.Left() < need {
		for b.Borrow(limits.Unlimited) > 0 { // a mark ends each
		}
		m.fuel = 0
		return trip()
	}
	want := max(need, min(quantum, m.slice))
	for want > 0 {
		got := b.Borrow(want)
		if got <= 0 {
			m.fuel = 0
			return trip()
		}
		m.fuel += got
		m.slice -= got
		want -= got
		need -= got
		if need <= 0 {
			break
		}
	}
	return nil
}

// tick is called before an instruction for which there is no fuel left. It
// reports whether the run should pause instead.
func (m *Machine) tick() (pause bool, err error) {
	m.fuel = 0
	if m.slice <= 0 {
		if m.meter.Instructions().Left() == 0 {
			return false, m.meter.Instructions().Trip()
		}
		return true, nil
	}
	if err := m.borrow(1); err != nil {
		return false, err
	}
	if m.looked {
		m.looked = false
		return false, nil
	}
	return false, m.checkTime()
}

// settle returns unused fuel to the meter: before anyone reads it, and when a
// step ends.
func (m *Machine) settle() {
	if m.fuel > 0 {
		m.meter.Instructions().Return(m.fuel)
		if m.slice < math.MaxInt64-m.fuel {
			m.slice += m.fuel
		}
	}
	m.fuel = 0
}

// began is where the clock of machines without one of their own begins.
var began = time.Now()

// look reads the wall clock, which begins when the machine first looks, or before,
// and never steps back.
func (m *Machine) look() time.Duration {
	m.looked = false
	if m.now == nil {
		m.read = time.Since(began)
		return m.read
	}
	now := m.now()
	if m.zero.IsZero() {
		m.zero = now
	}
	if now.Sub(m.zero) < m.read {
		m.zero = now.Add(-m.read) // set back: go on from where it was
	}
	m.read = now.Sub(m.zero)
	return m.read
}

// checkTime looks at the clock and the caller's context.
func (m *Machine) checkTime() error {
	if m.deadline != never {
		m.look()
	}
	return m.checkDeadline()
}

// checkDeadline is checkTime with the clock as it was last looked at.
func (m *Machine) checkDeadline() error {
	if m.ctx != nil {
		if err := m.ctx.Err(); err != nil {
			if err == context.DeadlineExceeded {
				m.look()
				return m.timeError()
			}
			return limits.Cancelled(m.ctx)
		}
	}
	if m.read > m.deadline {
		return m.timeError()
	}
	return nil
}

func (m *Machine) timeError() error {
	return &limits.Error{Kind: limits.Time, Used: int64(min(m.read-m.started, m.limits.Time)), Max: int64(m.limits.Time)}
}

// ---- memory

// alloc charges n bytes before they are allocated. When more was charged since
// the last census than the window allows, a census counts what is live, and only
// that can trip the limit.
//
// The work of allocating, clearing and in the end collecting is charged too.
func (m *Machine) alloc(n int64) error {
	m.headroom -= n
	if m.headroom < 0 {
		if err := m.allocSlow(n); err != nil {
			return err
		}
	}
	cost := limits.AllocObject + n/limits.AllocBytesPerUnit
	m.fuel -= cost
	if m.fuel < 0 {
		return m.overdraw(cost)
	}
	return nil
}

// allocGarbage charges n bytes that are allocated piece by piece and hardly held at
// a time: they bring the next census nearer, and fit however full the jail is.
func (m *Machine) allocGarbage(n int64) error {
	piece := min(max(m.limits.Memory/16, 1), 1<<20)
	for ; n > piece; n -= piece {
		if err := m.alloc(piece); err != nil {
			return err
		}
	}
	return m.alloc(n)
}

// Reserve charges n bytes before they are allocated. Its error ends the call.
func (m *Machine) Reserve(n int64) error { return m.alloc(n) }

func (m *Machine) allocSlow(n int64) error {
	if n < 0 || n > m.limits.Memory && m.limits.Memory != limits.Unlimited || n >= limits.Unlimited/4 {
		m.headroom += n
		return m.memoryError(n)
	}
	m.headroom += n // not allocated yet
	if err := m.takeCensus(n); err != nil {
		return err
	}
	if short := m.total.Memory().Shortage(n); short != nil {
		if m.shares {
			return short // perhaps of what is common
		}
		return m.memoryError(n)
	}
	m.headroom -= n
	return nil
}

func (m *Machine) memoryError(n int64) error {
	return &limits.Error{Kind: limits.Memory, Used: min(m.live, m.limits.Memory), Max: m.limits.Memory, Asked: n}
}

// openWindow starts the stretch until the next census. A quarter of the limit is
// always left between two, which bounds the cost of the walk by the bytes
// allocated and the live bytes by 5/4 of the limit.
func (m *Machine) openWindow(live int64) {
	m.live = live
	m.window = m.widest()
	m.headroom = m.window
}

// widest is the window that the machine's own limit gives.
func (m *Machine) widest() int64 {
	limit := m.limits.Memory
	if limit == limits.Unlimited {
		return max(m.live, limits.DefaultMemory)
	}
	return max(limit-m.live, min(limit/4, limit+limit/4-m.live), 0)
}

// Share enters what was charged since the last census in the accounts that the machine
// has in common with others, and makes the window no wider than they have room for. It
// is called wherever others may have run, or may run next.
func (m *Machine) Share() {
	if m.shares {
		m.share()
	}
}

func (m *Machine) share() {
	common := m.total.Memory()
	charged := m.window - m.headroom
	common.Estimate(charged)
	m.window = min(m.widest(), limits.MulAdd(1, charged, max(common.Room(), 0)))
	m.headroom = m.window - charged
}

// Recount takes a census that another machine asks for, in need of the memory that this
// one may not hold any more. What it costs is charged when this one next executes.
func (m *Machine) Recount(owed int64) {
	m.owed = limits.MulAdd(1, owed, m.owed)
	_ = m.count() // above a limit or not, the figures are what they are
	m.Share()
}

func (m *Machine) tableTooLarge() error {
	return &limits.Error{Kind: limits.Memory, Used: min(m.live, m.limits.Memory), Max: m.limits.Memory, Asked: limits.Unlimited}
}

// Allocated returns the bytes ever charged.
func (m *Machine) Allocated() int64 { return m.allocated + m.window - m.headroom }

// Peak returns the most bytes that a census found live.
func (m *Machine) Peak() int64 { return m.peak }

// Memory returns the bytes live at the last census plus those charged since: an
// upper bound of what is live now. Take a census first for the exact figure.
func (m *Machine) Memory() int64 { return m.live + m.window - m.headroom }
