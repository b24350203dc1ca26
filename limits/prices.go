package limits

// This file holds every price. The unit of work is one plain instruction of
// the machine (a register add in a loop), taken to be 2.5 ns. A price is right
// when the work it buys takes no longer than the instructions it costs; the
// ratios in the comments say how long it took, in instructions per instruction
// charged, so that 0.5 is a price twice too high and 2 one twice too low. They
// were measured by BenchmarkPrice (Go 1.26, amd64, a virtual machine with two
// cores); run it again with
//
//	go test -run '^$' -bench Price -count 5 ./limits
//
// Prices are part of what makes a run reproducible: changing one changes the
// instruction count of every script.

// Work, in instructions each. Sizes are charged beside it.
const (
	// PerInstruction is one instruction of the machine, the definition of the
	// unit.
	PerInstruction int64 = 1

	// NativeCall is a call of a library function, beside the instruction that
	// calls it and what the function charges. A call of one that does nothing
	// took 30 to 45 ns: measured 1.5 to 2.2.
	NativeCall int64 = 8

	// RaiseError is an error raised and caught, beside its message. Measured 0.8
	// for pcall(error, "x") and 1.4 for indexing nil.
	RaiseError int64 = 100

	// MetaCall is a call of a metamethod by an instruction, beside what it does.
	// Without it such a call took 4.5 to 7.5 plain instructions for each charged.
	MetaCall int64 = 8

	// Traceback is a traceback, beside its memory and its frames.
	Traceback int64 = 800

	// Callback is a call of a script's function from a loop of the library, beside
	// what the function does. Measured 1.1.
	Callback int64 = 10

	// PrintArgument is one argument of print, beside its text. Measured 1.3.
	PrintArgument int64 = 6

	// ListAppend is what table.insert does at a list's end. Measured 1.6.
	ListAppend int64 = 10

	// ListMove is one element moved within a list; ListMoveFar one where the table
	// has no list. Measured 1.4; 0.6 and, in a table that must grow, 2.5.
	ListMove    int64 = 1
	ListMoveFar int64 = 6

	// PatternStep is one step of the pattern matcher: one byte against one
	// item, a set counting each of its members. Measured 0.8.
	PatternStep int64 = 1

	// SortCompare is one comparison of table.sort without a comparator of the
	// script's, with its share of the moves. Measured 0.6; branches on random
	// data make it dear.
	SortCompare int64 = 4

	// HashLookup is one search of a table from library code. Measured 0.5 in
	// cache, 2.2 at 2^18 entries.
	HashLookup int64 = 1

	// BorderSearch is a search for a table's length where it is not known: in an array
	// part with free slots, or among the number keys of a hash part, up to 62 look-ups.
	// Without it such an instruction took 50 plain ones.
	BorderSearch int64 = 24

	// TableRehash is one entry of a hash part that is rebuilt, with what the
	// new memory costs. Measured 0.6 at 2^6 entries, 0.8 at 2^14.
	TableRehash int64 = 12

	// AllocObject is one allocation of any size, beside AllocBytesPerUnit.
	// Measured 0.6 for 64 bytes, 0.8 for a table's header, both included.
	AllocObject int64 = 10

	// CoroutineCreate is a new coroutine, beside the bytes it holds.
	// Measured 1.0.
	CoroutineCreate int64 = 50

	// NumberToString is one number written as tostring does (%.14g).
	// Measured 0.8; an integer 0.15.
	NumberToString int64 = 24

	// StringToNumber is one number read, beside NumberByte. Measured 0.9.
	StringToNumber int64 = 24

	// NumberByte is one byte of a number's text. Text of more than 19 digits
	// is read by long arithmetic: measured 0.6 at 100 digits, 1.2 at 700,
	// 1.1 at 10,000.
	NumberByte int64 = 1

	// Format is one directive of string.format, beside the conversion and the
	// bytes.
	Format int64 = 10

	// FormatPerBit is one bit of a number's binary exponent (its absolute
	// value, at most 1074) where the number is written by long arithmetic:
	// when more than 17 digits are wanted, for %f those before and after the
	// point together. Measured 0.8 for %.99e of 1e-291 and 0.5 for %.99f of
	// 1e307, which take 8 and 5 µs.
	FormatPerBit int64 = 4

	// MathCall is one function of the math library. Measured 0.5 for sin, 1.0
	// for pow.
	MathCall int64 = 8

	// MathSeries is a function worked out to the last digit, such as sin or log.
	// Measured 0.9 to 1.4.
	MathSeries int64 = 48

	// MathPower is a power, other than a square. Measured 1.2.
	MathPower int64 = 72

	// FmodPerBit is one bit by which the binary exponent of math.fmod's first
	// argument is above that of its second (at most 2098): Go's math.Mod
	// subtracts bit by bit. Measured 0.7 over 1022 bits, which take 5 µs.
	FmodPerBit int64 = 3

	// HostCall is the base price of a host function, beside the cost it
	// declares: a call by reflection with two arguments. Measured 1.0, without
	// the copying of the arguments, which is charged by size.
	HostCall int64 = 64

	// CopyElement, CopyPair and CopyTypedPair are one element of a list, one pair
	// of a map, and what a map of typed keys and values costs beside that, copied
	// between a script and the host. BenchmarkHostCall in package luasandbox
	// compares time and price.
	CopyElement   int64 = HashLookup + AllocObject
	CopyPair      int64 = CopyElement + 2*TableRehash
	CopyTypedPair int64 = 2 * AllocObject

	// FilterCall and FilterByte are for a text that passes a filter (luasandbox.Filtered),
	// beside the memory. Measured with package mods/filter, 0.2 to 1.6: most for
	// characters with combining marks.
	FilterCall int64 = 2 * AllocObject
	FilterByte int64 = 10

	// StringPiece is a piece added to a string that is built, beside its bytes,
	// with the search for its end. Measured 0.9.
	StringPiece int64 = 4

	// CompileBase and CompileByte are the price of compiling a source text at
	// run time, beside the memory. Timed apart, since this package knows no
	// Lua: gopher-lua's parser alone took 17 instructions a byte for calls
	// with names and strings, 49 for dense expressions and table constructors,
	// and 720 for a text of four bytes.
	CompileBase int64 = 1000
	CompileByte int64 = 60
)

// Work in proportion to size: how many things one instruction buys, to be used
// with [Units].
const (
	// BytesPerUnit is for bytes that are copied, compared or searched for one
	// byte: work the processor does in blocks. Measured 0.3 for 64 KiB of
	// each, 0.8 for 8 MiB, which come from memory.
	BytesPerUnit int64 = 64

	// HashBytesPerUnit is for bytes hashed by hash/maphash. Measured 1.1 at
	// every size.
	HashBytesPerUnit int64 = 32

	// HashFreeBytes is the length up to which hashing a string, once, is part
	// of the instruction that does it. Measured 2.3 for that length.
	HashFreeBytes int64 = 32

	// ByteStepsPerUnit is for bytes looked at one by one in a tight loop, such
	// as upper, lower, reverse, or the scan before the compiler. Measured 0.6.
	ByteStepsPerUnit int64 = 4

	// AllocBytesPerUnit is for bytes newly allocated, cleared, and in the end
	// collected, beside AllocObject. Measured 1.1 for 1 KiB, 0.7 for 64 KiB,
	// 0.3 to 0.7 for 8 MiB.
	AllocBytesPerUnit int64 = 16

	// TableSlotMove is for values moved within or between array parts, with
	// the collector's write barrier. Measured 0.3 for 64, 0.7 for 65,536.
	TableSlotMove int64 = 4

	// CensusBytesPerUnit is for bytes that are held, or were allocated since the last
	// census, when one is taken. Measured 1.5 for most structures, 4 to 5 for 4,096
	// small objects in shuffled order, which wait for memory.
	CensusBytesPerUnit int64 = 32
)

// Sizes, in bytes, of what a script makes: what Go's allocator takes for the
// machine's own structures, rounded up to its size classes where they are
// allocated one by one. They are the machine's promise, which its tests
// compare with unsafe.Sizeof.
const (
	ValueBytes    int64 = 16  // one value in an array part, a frame or an upvalue list
	StringHeader  int64 = 32  // beside the bytes of the text
	TableHeader   int64 = 112 // an empty table
	HashEntry     int64 = 40  // key, value and link in a hash part
	IndexHeader   int64 = 24  // the index of a hash part, beside its slots
	IndexSlot     int64 = 4   // one slot of a hash part's index
	ClosureHeader int64 = 64  // beside ValueBytes for each upvalue
	UpvalueBytes  int64 = 48  // one variable shared by closures
	ThreadBytes   int64 = 176 // a coroutine beside its stack and its frames
	FrameBytes    int64 = 96  // one call frame beside its registers
	TokenBytes    int64 = 64  // one token of source, as the AST and the compiler hold it
)

// Garbage, in bytes: what Go allocates for some work and nobody holds afterwards.
// It is charged like other memory, since it is cleared and collected at the host's
// cost. Package accounts compares all of these with what Go allocates.
const (
	// ErrorBytes is an error that is raised, with the making of its message.
	ErrorBytes int64 = 320

	// TracebackBytes is a traceback, beside its text.
	TracebackBytes int64 = 4 << 10

	// CensusBytes is a census, beside its lists.
	CensusBytes int64 = 512

	// CompileBytes is a compilation, beside its tokens: the parser's first stack,
	// and tables.
	CompileBytes int64 = 12 << 10

	// TokenGarbage is one token of source, beside TokenBytes.
	TokenGarbage int64 = 256

	// ParserEntry is an entry of the parser's stack, which grows by doubling: a
	// token that waits for what is to its right, as ".." does.
	ParserEntry int64 = 1056

	// HostCallBytes is a call of a host function by reflection. HostValueBytes is
	// each of its parameters and results, beside the value's size. A context for it
	// and a call back into the script count HostContextBytes and CallbackBytes.
	HostCallBytes    int64 = 224
	HostValueBytes   int64 = 48
	HostContextBytes int64 = 128
	CallbackBytes    int64 = 1024

	// HostErrorBytes is an error that a host function returned, or a panic of it,
	// beside ErrorBytes and without what the host's log takes.
	HostErrorBytes int64 = 512
	FilterBytes    int64 = 128 // a filter's garbage, beside twice the text
)

// Units returns how many instructions n things cost at per things an
// instruction, rounded up: 0 for n <= 0, and n for a per below 1. It cannot
// overflow.
func Units(n, per int64) int64 {
	if n <= 0 {
		return 0
	}
	if per <= 1 {
		return n
	}
	units := n / per
	if n%per != 0 {
		units++
	}
	return units
}

// MulAdd returns n*size+base, the size of n things of size bytes beside base
// bytes. Where the result would pass an int64, or an argument is negative (a
// mistake of the caller's), it returns [Unlimited], which every
// [Budget.Charge], [Gauge.Add] and [Limits.Check] refuses, even where there is
// no limit: a size that cannot be is never admitted.
func MulAdd(n, size, base int64) int64 {
	if n < 0 || size < 0 || base < 0 {
		return Unlimited
	}
	if size != 0 && n > (Unlimited-base)/size {
		return Unlimited
	}
	return n*size + base
}
