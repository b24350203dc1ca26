package vm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/luasandbox/modrunner/limits"
)

// touched tells of each opcode which registers an instruction names, by its
// operands, as code.go describes it; of a range its ends. It is written beside
// instr.registers, not from it.
var touched = map[string]func(a, b, c int) []int{
	"opMove":      onlyAB,
	"opLoadK":     onlyA,
	"opLoadNil":   onlyAB,
	"opLoadBool":  onlyA,
	"opGetUp":     onlyA,
	"opSetUp":     onlyA,
	"opGetGlobal": onlyA,
	"opSetGlobal": onlyA,
	"opGetField":  onlyAB,
	"opGetInt":    onlyAB,
	"opGetIndex":  allOfABC,
	"opSetField":  onlyAB,
	"opSetInt":    onlyAB,
	"opSetIndex":  allOfABC,
	"opSetFieldK": onlyA,
	"opSetIntK":   onlyA,
	"opSetIndexK": onlyAB,
	"opSelf":      func(a, b, _ int) []int { return []int{a, a + 1, b} },
	"opNewTable":  onlyA,
	"opSetList":   func(a, b, _ int) []int { return []int{a, a + b} },

	"opAdd":  allOfABC,
	"opSub":  allOfABC,
	"opMul":  allOfABC,
	"opDiv":  allOfABC,
	"opMod":  allOfABC,
	"opPow":  allOfABC,
	"opAddK": onlyAB,
	"opSubK": onlyAB,
	"opMulK": onlyAB,
	"opDivK": onlyAB,
	"opModK": onlyAB,
	"opPowK": onlyAB,
	"opUnm":  onlyAB,
	"opNot":  onlyAB,
	"opLen":  onlyAB,

	"opConcat":     allOfABC,
	"opConcatList": onlyAB,
	"opAppend":     onlyAB,

	"opJmp":  none,
	"opTest": onlyA,
	"opEq":   onlyAB,
	"opLt":   onlyAB,
	"opLe":   onlyAB,
	"opEqK":  onlyA,
	"opLtK":  onlyA,
	"opLeK":  onlyA,
	"opGtK":  onlyA,
	"opGeK":  onlyA,

	"opCall":     func(a, b, c int) []int { return []int{a, a + b - 1, a + c - 2} },
	"opTailCall": func(a, b, c int) []int { return []int{a, a + b - 1, a + c - 2} },
	"opReturn":   func(a, b, _ int) []int { return []int{a, a + b - 2} },
	"opReturn0":  none,
	"opReturn1":  onlyA,

	"opForPrep": func(a, _, _ int) []int { return []int{a, a + 3} },
	"opForLoop": func(a, _, _ int) []int { return []int{a, a + 3} },
	// The iterator is called with two arguments from R[A+3] on.
	"opTFor": func(a, _, c int) []int { return []int{a, a + 5, a + 2 + c} },

	"opClose":    none, // upvalues, by their place in the stack
	"opClosure":  onlyA,
	"opVararg":   func(a, b, _ int) []int { return []int{a, a + b - 2} },
	"opArgTable": onlyA,
}

func none(_, _, _ int) []int     { return nil }
func onlyA(a, _, _ int) []int    { return []int{a} }
func onlyAB(a, b, _ int) []int   { return []int{a, b} }
func allOfABC(a, b, c int) []int { return []int{a, b, c} }

// Each operand of each opcode is held against maxStack: the frame in which the
// highest register that an instruction names is the last one will do, and one that
// is a register smaller will not.
func TestVerifyLooksAtEveryOperand(t *testing.T) {
	operands := []int{0, 1, 2, 3, 4, 5, 9, 100, 254, 255}
	names := opcodes(t)
	if len(names) < 50 {
		t.Fatalf("found %d opcodes in code.go: the search is broken", len(names))
	}
	known := 0
	for op, name := range names {
		if !strings.HasPrefix(name, "op") {
			continue
		}
		known++
		registers := touched[name]
		if registers == nil {
			t.Errorf("%s: which registers it names is not said in touched", name)
			continue
		}
		refused := false
		for _, a := range operands {
			for _, b := range operands {
				for _, c := range operands {
					need := 0
					for _, r := range registers(a, b, c) {
						need = max(need, r+1)
					}
					// Behind an instruction that is well, and with a D that is no register.
					code := []instr{makeInstr(opReturn0, 255, 255, 255, -1), makeInstr(opcode(op), a, b, c, 1<<20)}
					if at := (&proto{code: code, maxStack: need}).verify(); at != -1 {
						t.Fatalf("%s %d %d %d: refused at %d in a frame of %d registers", name, a, b, c, at, need)
					}
					if need == 0 {
						continue
					}
					refused = true
					if at := (&proto{code: code, maxStack: need - 1}).verify(); at != 1 {
						t.Fatalf("%s %d %d %d: %d in a frame of %d registers, want it refused at 1", name, a, b, c, at, need-1)
					}
				}
			}
		}
		if !refused && len(registers(1, 1, 1)) > 0 {
			t.Errorf("%s was never refused", name)
		}
	}
	if known != len(touched) {
		t.Errorf("touched tells of %d opcodes, of which code.go has %d", len(touched), known)
	}
}

// All that the compiler makes of the project's Lua passes, function by function, and
// would not in a frame that is smaller than what it names.
func TestVerifyPassesWhatIsCompiled(t *testing.T) {
	functions, used := 0, map[opcode]bool{}
	var check func(name string, p *proto)
	check = func(name string, p *proto) {
		functions++
		need := 0
		for _, i := range p.code {
			used[i.op()] = true
			need = max(need, i.registers())
		}
		if at := p.verify(); at != -1 {
			t.Errorf("%s:%d: instruction %d names a register beyond %d", name, p.lines[at], at, p.maxStack)
		}
		if need > 0 {
			small := *p
			small.maxStack = need - 1
			if small.verify() < 0 {
				t.Errorf("%s:%d: passes with %d registers, and names %d", name, p.line, need-1, need)
			}
		}
		for _, inner := range p.protos {
			check(name, inner)
		}
	}
	compile := func(name, source string) {
		p, err := Compile(name, source, limits.Limits{Source: limits.Unlimited})
		var syntax *SyntaxError
		switch {
		case err == nil:
			check(name, p.main)
		// Some of the hostile are no programs. What verify refuses is told as an
		// error of syntax, too.
		case !errors.As(err, &syntax) || strings.HasPrefix(syntax.Message, "internal error"):
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, root := range []string{"testdata", "../../testdata", "../../stdlib/testdata", "../../fuzz"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			extension := filepath.Ext(path)
			if extension != ".lua" && extension != ".txtar" {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if extension == ".lua" {
				compile(path, string(text))
				return nil
			}
			for _, f := range txtar.Parse(text).Files {
				for _, source := range strings.Split(string(f.Data), "---\n") {
					compile(path+"/"+f.Name, source)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d functions", functions)
	if functions < 1000 {
		t.Errorf("only %d functions were compiled: where is the project's Lua?", functions)
	}
	for op, name := range opcodes(t) {
		if strings.HasPrefix(name, "op") && !used[opcode(op)] {
			t.Errorf("%s is in none of them", name)
		}
	}
}
