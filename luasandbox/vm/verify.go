package vm

// verify returns the first instruction that names a register beyond the
// function's maxStack, or -1. There is none unless the compiler has a mistake,
// and then the program must not run: the loop addresses registers unchecked.
func (p *proto) verify() int {
	for pc, i := range p.code {
		if i.registers() > p.maxStack {
			return pc
		}
	}
	return -1
}

// registers returns how many registers a frame needs for i: one more than the
// highest it names, itself or by a count.
func (i instr) registers() int {
	a, b, c := i.a()+1, i.b()+1, i.c()+1
	switch i.op() {
	case opLoadK, opLoadBool, opGetUp, opSetUp, opGetGlobal, opSetGlobal, opNewTable, opTest,
		opEqK, opLtK, opLeK, opGtK, opGeK, opSetFieldK, opSetIntK, opClosure, opArgTable, opReturn1:
		return a
	case opMove, opGetField, opGetInt, opSetField, opSetInt, opSetIndexK, opAddK, opSubK, opMulK, opDivK, opModK, opPowK,
		opUnm, opNot, opLen, opConcatList, opAppend, opEq, opLt, opLe, opLoadNil:
		return max(a, b)
	case opGetIndex, opSetIndex, opAdd, opSub, opMul, opDiv, opMod, opPow, opConcat:
		return max(a, b, c)
	case opSelf:
		return max(a+1, b)
	case opSetList:
		return a + i.b()
	case opCall, opTailCall:
		return max(a+max(i.b()-1, 0), a+max(i.c()-2, 0))
	case opReturn:
		return a + max(i.b()-2, 0)
	case opVararg:
		return a + max(i.b()-2, 0)
	case opForPrep, opForLoop:
		return a + 3
	case opTFor:
		return a + 2 + max(i.c(), 3)
	}
	return 0 // opReturn0, opJmp, opClose
}
