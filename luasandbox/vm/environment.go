package vm

// GetFenv and SetFenv are getfenv and setfenv for the script's own functions:
// what is written in Go, and level 0, has no environment to give or take.
var (
	GetFenv = NewNative("getfenv", getFenv)
	SetFenv = NewNative("setfenv", setFenv)
)

// envFunction returns the Lua function that argument i of getfenv or setfenv
// means: itself, or the one at a level of the stack. nil stands for a function
// written in Go.
func (c *Call) envFunction(i int) (*Closure, error) {
	v := c.Arg(i)
	if v.Kind() == KindFunction {
		return v.AsClosure(), nil
	}
	level := int64(1)
	if !v.IsNil() || i < c.n {
		var err error
		if level, err = c.CheckInt(i); err != nil {
			return nil, err
		}
	}
	if level < 0 {
		return nil, c.ArgError(i, "level must be non-negative")
	}
	n := int64(len(c.th.frames)) - 1 - level
	if n < 0 || n >= int64(len(c.th.frames)) {
		return nil, nil // as if the host's functions were there
	}
	if f := &c.th.frames[n]; f.kind == frameLua {
		return f.cl, nil
	}
	return nil, nil
}

func getFenv(c *Call) error {
	if f, ok := c.Arg(0).AsNumber(); ok && f == 0 {
		return c.Return(c.m.globals.Value())
	}
	var cl *Closure
	var err error
	if c.Arg(0).IsNil() {
		cl = c.callerClosure()
	} else if cl, err = c.envFunction(0); err != nil {
		return err
	}
	if cl == nil {
		return c.Return(c.m.globals.Value())
	}
	return c.Return(cl.env.Value())
}

func (c *Call) callerClosure() *Closure {
	if n := len(c.th.frames) - 2; n >= 0 && c.th.frames[n].kind == frameLua {
		return c.th.frames[n].cl
	}
	return nil
}

func setFenv(c *Call) error {
	t, err := c.CheckTable(1)
	if err != nil {
		return err
	}
	cl, err := c.envFunction(0)
	if err != nil {
		return err
	}
	if f, ok := c.Arg(0).AsNumber(); ok && f == 0 {
		cl = nil
	}
	if f, ok := c.Arg(0).AsNumber(); ok && f >= float64(len(c.th.frames)) {
		return c.ArgError(0, "invalid level")
	}
	if cl == nil {
		return c.Errorf("'setfenv' cannot change environment of given object")
	}
	cl.env = t
	return c.Return(cl.Value())
}
