// Package generate writes Lua programs that a sequence of bytes chooses, for tests
// and fuzz targets. Every sequence is a program, and every program compiles; a
// longer sequence makes a longer program, and a change of one byte a different one,
// so that a fuzzer's mutations are changes of programs.
package generate

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// Dialect says what programs may be about.
type Dialect int

const (
	// Portable programs print the same here and in C Lua 5.1. They have bounded
	// loops and no recursion to speak of; what they print does not depend on the
	// order of pairs, on borders of tables with holes, on addresses, or on the
	// sign of a NaN. They have no goto, and yield neither across pcall nor from
	// metamethods.
	Portable Dialect = iota
	// Anything adds what a hostile author would: endless loops and recursion,
	// memory without end, every metamethod with every function in it, yields from
	// everywhere, comparators that are no order, weak tables, the whole library
	// with arguments of any kind.
	Anything
)

// Program returns the program that data chooses.
func Program(data []byte, d Dialect) string {
	w := &writer{data: data, symbols: portable, budget: 120}
	w.text(preamble)
	if d == Anything {
		w.symbols = anything
		w.text(morePreamble)
	}
	for w.at < len(w.data) && w.budget > 0 {
		w.symbol("top")
	}
	w.text(epilogue)
	return w.b.String()
}

// Bytes returns n bytes to choose a program with, the same for the same seed.
func Bytes(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// writer expands a grammar: each symbol is replaced by one of its alternatives,
// which one the next byte says.
type writer struct {
	data    []byte
	at      int // in data
	symbols map[string][]string
	b       strings.Builder

	budget int // statements left
	blocks int // nesting of blocks and functions
	nest   int // nesting of expressions
	names  int // given out by ¤
	name   string

	place
}

// place is where in the program something is written.
type place struct {
	vararg bool // `...` may be used
	yields bool // in a coroutine's own function
	loop   bool // break may be used
}

// How deep programs nest, so that none passes what a compiler accepts.
const (
	maxBlocks = 4
	maxNest   = 5
)

// pick takes a byte and returns a number below n; 0 when there are no bytes left.
func (w *writer) pick(n int) int {
	if w.at >= len(w.data) {
		return 0
	}
	w.at++
	return int(w.data[w.at-1]) % n
}

// text writes an alternative. Its notation:
//
//	$name   a symbol
//	«a|b»   one of these texts, which may have symbols in them
//	¤       a name that nothing else has, the same in all of the alternative
func (w *writer) text(s string) {
	for s != "" {
		i := strings.IndexAny(s, "$«¤")
		if i < 0 {
			w.b.WriteString(s)
			return
		}
		w.b.WriteString(s[:i])
		s = s[i:]
		switch {
		case s[0] == '$':
			n := 1
			for n < len(s) && 'a' <= s[n] && s[n] <= 'z' {
				n++
			}
			if n == 1 { // Lua's own
				w.b.WriteByte('$')
			} else {
				w.symbol(s[1:n])
			}
			s = s[n:]
		case strings.HasPrefix(s, "«"):
			end := strings.Index(s, "»")
			list := strings.Split(s[len("«"):end], "|")
			w.text(list[w.pick(len(list))])
			s = s[end+len("»"):]
		default:
			if w.name == "" {
				w.names++
				w.name = "x" + strconv.Itoa(w.names)
			}
			w.b.WriteString(w.name)
			s = s[len("¤"):]
		}
	}
}

// symbol writes what a symbol stands for. The names of symbols that depend on where
// they are, or change that for what is in them, are here; all others are in the
// grammar.
func (w *writer) symbol(name string) {
	place, nest := w.place, w.nest
	defer func() { w.place, w.nest = place, nest }()
	switch name {
	case "top", "stat":
		w.statement(name)
	case "block": // statements that go on where they are
		w.block()
	case "loop": // and as the body of a loop
		w.loop = true
		w.block()
	case "body": // of a function
		w.function(false, false)
	case "vbody": // of one with variable arguments
		w.function(true, false)
	case "cobody": // of one that is a coroutine
		w.function(true, true)
	case "expr":
		if w.nest++; w.nest > maxNest || w.at >= len(w.data) {
			name = "atom"
		}
		w.alternative(name)
	case "safe": // an expression that raises no error
		if w.nest++; w.nest > maxNest {
			w.b.WriteString("true")
			return
		}
		w.alternative(name)
	case "plain": // an expression in a function without variable arguments
		w.vararg = false
		w.symbol("expr")
	case "vexpr": // and in one with
		w.vararg = true
		w.symbol("expr")
	case "dots":
		if !w.vararg {
			name = "atom"
		}
		w.alternative(name)
	case "lambda":
		if w.blocks >= maxBlocks-1 {
			name = "atom"
		}
		w.alternative(name)
	case "break":
		if !w.loop {
			name = "return"
		}
		w.alternative(name)
	case "yield":
		if !w.yields {
			name = "call"
		}
		w.alternative(name)
	default:
		w.alternative(name)
	}
}

func (w *writer) alternative(name string) {
	list := w.symbols[name]
	if len(list) == 0 {
		panic("no symbol " + name)
	}
	if name != "recursion" { // which is about the function around it
		saved := w.name
		defer func() { w.name = saved }()
		w.name = ""
	}
	w.text(list[w.pick(len(list))])
}

func (w *writer) statement(name string) {
	if w.budget--; w.budget < 0 {
		return
	}
	if w.blocks >= maxBlocks {
		name = "simple"
	}
	w.b.WriteString(strings.Repeat("  ", w.blocks))
	w.alternative(name)
	w.b.WriteByte('\n')
}

func (w *writer) block() {
	w.b.WriteByte('\n')
	w.blocks++
	for range 1 + w.pick(3) {
		w.symbol("stat")
	}
	w.blocks--
	w.b.WriteString(strings.Repeat("  ", w.blocks))
}

func (w *writer) function(vararg, yields bool) {
	w.place = place{vararg: vararg, yields: yields}
	if w.blocks > 2*maxBlocks { // functions in the arguments of simple statements
		w.b.WriteByte(' ')
		return
	}
	w.block()
	if w.pick(2) == 1 {
		w.text("do return $exprs end ")
	}
}
