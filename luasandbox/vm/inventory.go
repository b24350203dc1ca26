package vm

import (
	"sort"
	"strconv"
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

// Inventory walks over everything reachable and returns what it found: totals, as
// a census taken now finds them, kinds, and the most largest paths. The machine
// must not be executing anything.
func (m *Machine) Inventory(most int) Inventory {
	m.walk() // clears what is weak
	m.epoch++
	if m.epoch == 0 {
		m.epoch = 1
	}
	inv := &inventory{walk: Walk{m: m, epoch: m.epoch}, kinds: map[string]*Holding{}}
	inv.walk.Value(m.globals.Value())
	inv.take(-1, Value{}, heldAsField)
	inv.drain()
	host := int32(len(inv.holders))
	inv.holders = append(inv.holders, holder{parent: -1, how: heldByHost})
	inv.walk.host()
	inv.take(host, Value{}, heldByHost)
	inv.drain()
	return inv.result(most)
}

type inventory struct {
	walk    Walk
	holders []holder
	drained int // holders looked into
	kinds   map[string]*Holding
}

// hostKind is the kind of what belongs to no value, such as the buffers of a
// library function that is waiting.
const hostKind = "(host)"

// take gives a holder (-1 for none) what the walk found since it was last called:
// bytes, and objects that are holders from now on.
func (inv *inventory) take(parent int32, key Value, how holding) {
	w := &inv.walk
	if parent >= 0 && (w.bytes > 0 || w.objects > 0) {
		h := &inv.holders[parent]
		h.bytes += w.bytes
		h.objects += w.objects - int64(len(w.grey))
		kind := hostKind
		if h.v.p != nil {
			kind = h.v.Kind().String()
		}
		inv.count(kind, w.bytes-w.text, w.objects-w.texts-int64(len(w.grey)))
		inv.count(KindString.String(), w.text, w.texts)
	}
	for _, v := range w.grey {
		inv.holders = append(inv.holders, holder{v: v, key: key, parent: parent, how: how, objects: 1})
		inv.count(v.Kind().String(), 0, 1)
	}
	w.grey, w.weak, w.dead = w.grey[:0], w.weak[:0], w.dead[:0]
	w.bytes, w.objects, w.text, w.texts = 0, 0, 0, 0
}

func (inv *inventory) count(kind string, bytes, objects int64) {
	if bytes == 0 && objects == 0 {
		return
	}
	k := inv.kinds[kind]
	if k == nil {
		k = &Holding{Name: kind}
		inv.kinds[kind] = k
	}
	k.Bytes += bytes
	k.Objects += objects
}

// drain looks into the holders that were not looked into, and those that it finds.
func (inv *inventory) drain() {
	w := &inv.walk
	for ; inv.drained < len(inv.holders); inv.drained++ {
		v, at := inv.holders[inv.drained].v, int32(inv.drained)
		found := func(key Value, how holding) {
			if len(w.grey) > 0 {
				inv.take(at, key, how)
			}
		}
		if t := v.AsTable(); t != nil {
			inv.table(t, found)
		} else if f := v.AsClosure(); f != nil {
			w.closure(f)
			for j, u := range f.up {
				w.upvalue(u)
				if len(w.grey) > 0 {
					found(String(f.proto.upNames[j]), heldAsUpvalue)
				}
			}
			if f.env != nil {
				w.Value(f.env.Value())
				found(Value{}, heldAsEnvironment)
			}
		} else if v.p != nil {
			w.contents(v)
		}
		inv.take(at, Value{}, heldOnStack)
	}
}

// table is Walk.table, telling found by what name each thing is held.
func (inv *inventory) table(t *Table, found func(key Value, how holding)) {
	w := &inv.walk
	w.bytes += tableBytes(t)
	weakKeys, weakValues := t.weakness()
	show := func(v, key Value, weak bool, how holding) {
		if !weak || v.str() != nil {
			w.Value(v)
			found(key, how)
		}
	}
	for j, x := range t.arr {
		show(x, Number(float64(j+1)), weakValues, heldAsField)
	}
	for j := range t.ents {
		if e := &t.ents[j]; e.val.p != nil {
			show(e.key, e.key, weakKeys, heldAsKey)
			show(e.val, e.key, weakValues, heldAsField)
		}
	}
	if t.meta != nil {
		w.Value(t.meta.Value())
		found(Value{}, heldAsMetatable)
	}
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
