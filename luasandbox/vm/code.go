package vm

import "sync/atomic"

// instr is one instruction: opcode, three 8-bit operands (registers, mostly) and
// a signed 32-bit one (a constant, a jump distance, a size).
//
//	bits  0-7   op
//	bits  8-15  A
//	bits 16-23  B
//	bits 24-31  C
//	bits 32-63  D
type instr uint64

func makeInstr(op opcode, a, b, c, d int) instr {
	return instr(op) | instr(uint8(a))<<8 | instr(uint8(b))<<16 | instr(uint8(c))<<24 | instr(uint32(int32(d)))<<32
}

func (i instr) op() opcode { return opcode(i) }
func (i instr) a() int     { return int(uint8(i >> 8)) }
func (i instr) b() int     { return int(uint8(i >> 16)) }
func (i instr) c() int     { return int(uint8(i >> 24)) }
func (i instr) d() int     { return int(int32(i >> 32)) }

func (i instr) withA(a int) instr { return i&^(0xff<<8) | instr(uint8(a))<<8 }
func (i instr) withD(d int) instr { return i&0xffffffff | instr(uint32(int32(d)))<<32 }

type opcode uint8

// R[x] is register x of the frame, K[x] constant x, U[x] upvalue x.
const (
	opMove      opcode = iota // R[A] = R[B]
	opLoadK                   // R[A] = K[D]
	opLoadNil                 // R[A..B] = nil
	opLoadBool                // R[A] = B ~= 0; if C ~= 0 skip the next instruction
	opGetUp                   // R[A] = U[B]
	opSetUp                   // U[B] = R[A]
	opGetGlobal               // R[A] = env[K[D]]
	opSetGlobal               // env[K[D]] = R[A]
	opGetField                // R[A] = R[B][K[D]], K[D] a string
	opGetInt                  // R[A] = R[B][D]
	opGetIndex                // R[A] = R[B][R[C]]
	opSetField                // R[A][K[D]] = R[B]
	opSetInt                  // R[A][D] = R[B]
	opSetIndex                // R[A][R[B]] = R[C]
	opSetFieldK               // R[A][K[D]] = K[B]
	opSetIntK                 // R[A][D] = K[B]
	opSetIndexK               // R[A][R[B]] = K[D]
	opSelf                    // R[A+1] = R[B]; R[A] = R[B][K[D]]
	opNewTable                // R[A] = {}, with room for D array slots and 2^(B-1) entries (none if B is 0), and the keys of records[C-1]
	opSetList                 // R[A][D+i] = R[A+i] for 1 <= i <= B; up to the top if B is 0

	opAdd // R[A] = R[B] op R[C]
	opSub
	opMul
	opDiv
	opMod
	opPow
	opAddK // R[A] = R[B] op K[D], K[D] a number
	opSubK
	opMulK
	opDivK
	opModK
	opPowK
	opUnm // R[A] = -R[B]
	opNot // R[A] = not R[B]
	opLen // R[A] = #R[B]

	opConcat     // R[A] = R[B] .. ... .. R[C]
	opConcatList // R[A] = the elements of the list R[B], D of them, concatenated
	opAppend     // append R[B] to the list R[A], as its element D

	opJmp  // close upvalues from R[A-1] on if A > 0; pc += D
	opTest // if truthy(R[A]) == C then pc += D
	opEq   // if (R[A] == R[B]) == C then pc += D
	opLt   // if (R[A] < R[B]) == C then pc += D
	opLe   // if (R[A] <= R[B]) == C then pc += D
	opEqK  // if (R[A] == K[B]) == C then pc += D
	opLtK  // if (R[A] < K[B]) == C then pc += D, K[B] a number
	opLeK  // if (R[A] <= K[B]) == C then pc += D
	opGtK  // if (R[A] > K[B]) == C then pc += D
	opGeK  // if (R[A] >= K[B]) == C then pc += D

	opCall     // R[A..A+C-2] = R[A](R[A+1..A+B-1]); B 0: up to the top; C 0: all results
	opTailCall // return R[A](R[A+1..A+B-1]), replacing the frame
	opReturn   // return R[A..A+B-2]; B 0: up to the top
	opReturn0  // return nothing
	opReturn1  // return R[A]

	opForPrep // prepare the numeric loop at R[A..A+2]; pc += D
	opForLoop // R[A] += R[A+2]; if it is in range { R[A+3] = R[A]; pc += D }
	opTFor    // R[A+3..A+2+C] = R[A](R[A+1], R[A+2]); if R[A+3] ~= nil { R[A+2] = R[A+3]; pc += D }

	opClose    // close upvalues from R[A] on
	opClosure  // R[A] = closure of proto D
	opVararg   // R[A..A+B-2] = ...; B 0: all
	opArgTable // R[A] = {n = select("#", ...), ...}
)

// Program is compiled source: immutable, shared by any number of machines and
// goroutines.
type Program struct {
	main  *proto
	bytes int64

	// A program that a script compiled belongs to its machine, and the census
	// counts it.
	owner       *Machine
	strings     []Value // its constants
	stringBytes int64   // theirs, of bytes
	mark        uint8
}

// Bytes returns the memory that p holds, which Load charges to a machine.
func (p *Program) Bytes() int64 { return p.bytes }

// proto is one compiled function.
type proto struct {
	program  *Program
	code     []instr
	consts   []Value
	protos   []*proto
	records  []*Table // the keys, without values, of constructors with constant names
	ups      []upvalueSource
	hints    []uint32                       // per instruction: where its key was last found. Atomic: programs are shared
	found    []atomic.Pointer[stringObject] // per instruction: a string equal to its key that was found in place of it
	params   int
	vararg   bool
	maxStack int
	chunk    string
	line     int // where the function begins; 0 for a main chunk
	lastLine int
	lines    []int32 // per instruction
	live     []uint8 // per instruction: registers from this one on hold nothing that is used again
	locals   []localInfo
	upNames  []string
}

// upvalueSource says where a new closure finds one of its upvalues: in a
// register of the function that creates it, or among that function's own.
type upvalueSource struct {
	index      uint8
	inRegister bool
}

// localInfo is a local variable's life: its register holds it while
// from <= pc < to.
type localInfo struct {
	name     string
	reg      int
	from, to int32
}
