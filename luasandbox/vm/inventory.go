package vm

import (
	"sort"
	"strconv"

	"github.com/luasandbox/modrunner/limits"
)

// Inventory says what holds a machine's memory.
type Inventory struct {
	Bytes   int64     `json:"bytes"`
	Objects int64     `json:"objects"`
	Kinds   []Holding `json:"kinds"` // every kind that occurs, largest first
	Paths   []Holding `json:"paths"` // the largest holders by path of names, with all that is reached through them
}

// Holding is a part of an inventory.
type Holding struct {
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	Objects int64  `json:"objects"`
}

// holder is an object found on a walk in order of distance from the globals: it
// belongs to the holder through which it was found first.
type holder struct {
	v       Value
	key     Value // the name under which parent holds it
	parent  int32
	how     holding
	bytes   int64
	objects int64
}

type holding uint8

const (
	heldAsField holding = iota
	heldAsKey
	heldAsMetatable
	heldAsUpvalue
	heldAsEnvironment
	heldOnStack
	heldByHost
)

// Inventory walks over everything reachable and returns what it found: totals,
// kinds, and the most largest paths. The machine must not be executing anything.
func (m *Machine) Inventory(most int) Inventory {
	m.epoch++
	if m.epoch == 0 {
		m.epoch = 1
	}
	inv := &inventory{m: m, walk: Walk{m: m, epoch: m.epoch}, kinds: map[string]*Holding{}}
	inv.add(m.globals.Value(), Value{}, -1, heldAsField)
	inv.drain(0)
	host := int32(len(inv.holders))
	inv.holders = append(inv.holders, holder{parent: -1, how: heldByHost})
	for _, r := range m.runs {
		for th := r.cur; th != nil; th = th.resumer {
			inv.add(th.Value(), Value{}, host, heldOnStack)
		}
		inv.add(r.th.Value(), Value{}, host, heldOnStack)
	}
	for _, t := range m.roots {
		t.Trace(&inv.walk)
		inv.taken(host, heldByHost)
	}
	inv.drain(int(host) + 1)
	return inv.result(most)
}

type inventory struct {
	m       *Machine
	walk    Walk
	holders []holder
	kinds   map[string]*Holding
}

// add counts v, held by a parent.
func (inv *inventory) add(v, key Value, parent int32, how holding) {
	if v.p == nil {
		return
	}
	h := (*header)(v.p)
	if h.kind <= objNumber || h.flags&flagShared != 0 || h.mark == inv.m.epoch {
		return
	}
	h.mark = inv.m.epoch
	if h.kind == objString {
		n := limits.StringHeader + int64(len((*stringObject)(v.p).s))
		inv.count(v, n)
		if parent >= 0 {
			inv.holders[parent].bytes += n
			inv.holders[parent].objects++
		}
		return
	}
	inv.holders = append(inv.holders, holder{v: v, key: key, parent: parent, how: how, objects: 1})
}

func (inv *inventory) count(v Value, bytes int64) {
	name := v.Kind().String()
	k := inv.kinds[name]
	if k == nil {
		k = &Holding{Name: name}
		inv.kinds[name] = k
	}
	k.Bytes += bytes
	k.Objects++
}

// taken adds what a Tracer showed to the walk.
func (inv *inventory) taken(parent int32, how holding) {
	for _, v := range inv.walk.grey {
		(*header)(v.p).mark = 0 // the walk marked it: add marks it again
		inv.add(v, Value{}, parent, how)
	}
	inv.walk.grey = inv.walk.grey[:0]
	if parent >= 0 {
		inv.holders[parent].bytes += inv.walk.bytes
	}
	inv.walk.bytes = 0
}

// drain looks into the holders from number i on, and those that it finds.
func (inv *inventory) drain(i int) {
	for ; i < len(inv.holders); i++ {
		v := inv.holders[i].v
		bytes := ownBytes(v)
		inv.holders[i].bytes += bytes
		inv.count(v, bytes)
		at := int32(i)
		switch (*header)(v.p).kind {
		case objTable:
			t := (*Table)(v.p)
			for j, x := range t.arr {
				inv.add(x, Number(float64(j+1)), at, heldAsField)
			}
			for j := range t.ents {
				if e := &t.ents[j]; e.val.p != nil {
					inv.add(e.key, e.key, at, heldAsKey)
					inv.add(e.val, e.key, at, heldAsField)
				}
			}
			if t.meta != nil {
				inv.add(t.meta.Value(), Value{}, at, heldAsMetatable)
			}
		case objClosure:
			f := (*Closure)(v.p)
			for j, u := range f.up {
				if u.mark == inv.m.epoch {
					continue
				}
				u.mark = inv.m.epoch
				inv.holders[at].bytes += limits.UpvalueBytes
				inv.add(*u.v, String(f.proto.upNames[j]), at, heldAsUpvalue)
			}
			if f.env != nil {
				inv.add(f.env.Value(), Value{}, at, heldAsEnvironment)
			}
		default:
			inv.walk.contents(v)
			inv.walk.bytes = 0
			inv.taken(at, heldOnStack)
		}
	}
}

// ownBytes is what an object counts as, without what it refers to.
func ownBytes(v Value) int64 {
	switch (*header)(v.p).kind {
	case objTable:
		t := (*Table)(v.p)
		n := limits.TableHeader + int64(len(t.arr))*limits.ValueBytes
		if t.flags&flagBorrowed == 0 {
			n += entryBytes(cap(t.ents))
		}
		return n
	case objClosure:
		return limits.ClosureHeader + int64(len((*Closure)(v.p).up))*8
	case objNative:
		return limits.ClosureHeader + int64(len((*Native)(v.p).up))*limits.ValueBytes
	case objUserdata:
		return limits.ClosureHeader + (*Userdata)(v.p).bytes
	case objThread:
		th := (*Thread)(v.p)
		return limits.ThreadBytes + int64(len(th.stack))*limits.ValueBytes + int64(cap(th.frames))*limits.FrameBytes
	}
	return 0
}

func (inv *inventory) result(most int) Inventory {
	var r Inventory
	hs := inv.holders
	for i := len(hs) - 1; i > 0; i-- { // a parent comes before what it holds
		if p := hs[i].parent; p >= 0 {
			hs[p].bytes += hs[i].bytes
			hs[p].objects += hs[i].objects
		}
	}
	for _, k := range inv.kinds {
		r.Kinds = append(r.Kinds, *k)
		r.Bytes += k.Bytes
		r.Objects += k.Objects
	}
	sortHoldings(r.Kinds)
	order := make([]int32, len(hs))
	for i := range order {
		order[i] = int32(i)
	}
	sort.SliceStable(order, func(a, b int) bool { return hs[order[a]].bytes > hs[order[b]].bytes })
	for _, i := range order[:min(max(most, 0), len(order))] {
		if hs[i].bytes > 0 {
			r.Paths = append(r.Paths, Holding{Name: inv.path(i), Bytes: hs[i].bytes, Objects: hs[i].objects})
		}
	}
	return r
}

func sortHoldings(hs []Holding) {
	sort.Slice(hs, func(a, b int) bool {
		if hs[a].Bytes != hs[b].Bytes {
			return hs[a].Bytes > hs[b].Bytes
		}
		return hs[a].Name < hs[b].Name
	})
}

// path spells the way to a holder: _G.quests.log[3]. Long ways are cut in the
// middle, and names are shortened and printable.
func (inv *inventory) path(i int32) string {
	const most = 12
	var steps []string
	for i >= 0 {
		h := &inv.holders[i]
		steps = append(steps, inv.step(h))
		i = h.parent
	}
	name := ""
	for j := len(steps) - 1; j >= 0; j-- {
		if len(steps) > most && j == len(steps)-1-most/2 {
			name += "..."
			j = most / 2
			continue
		}
		name += steps[j]
	}
	return name
}

func (inv *inventory) step(h *holder) string {
	if h.parent < 0 {
		if h.how == heldByHost {
			return "(host)"
		}
		return "_G"
	}
	switch h.how {
	case heldAsMetatable:
		return "(metatable)"
	case heldAsEnvironment:
		return "(environment)"
	case heldOnStack, heldByHost:
		return "(" + h.v.Kind().String() + ")"
	case heldAsUpvalue:
		s, _ := h.key.AsString()
		return "(" + shorten(s) + ")"
	case heldAsKey:
		return "(key)"
	}
	if s, ok := h.key.AsString(); ok {
		if isName(s) {
			return "." + s
		}
		return "[" + strconv.Quote(shorten(s)) + "]"
	}
	if f, ok := h.key.AsNumber(); ok {
		return "[" + FormatNumber(f) + "]"
	}
	return "[" + h.key.Kind().String() + "]"
}

func isName(s string) bool {
	if s == "" || len(s) > 40 || !isAlpha(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isAlpha(s[i]) && !isDigit(s[i]) {
			return false
		}
	}
	return true
}
