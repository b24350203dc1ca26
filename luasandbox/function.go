package luasandbox

import "context"

// Func declares a host function.
func Func(name string, fn any, opts ...FuncOption) Member { panic("soon") }

// FuncOption says more about a function than its Go type does.
type FuncOption func(*function)

// Doc is what the function does, for schema, stubs and manuals.
func Doc(text string) FuncOption { panic("soon") }

// Params names the parameters, context and receiver left out.
func Params(names ...string) FuncOption { panic("soon") }

// Returns names the results, the error left out.
func Returns(names ...string) FuncOption { panic("soon") }

// Cost is what a call costs in instructions beside the price of every host call.
func Cost(units int64) FuncOption { panic("soon") }

// CostPer is what each element of a list or map, or each started 64 bytes of a
// string, passed for the parameter named, costs in instructions.
func CostPer(param string, units int64) FuncOption { panic("soon") }

// Blocking declares that the function may block its goroutine.
func Blocking() FuncOption { panic("soon") }

// Function is a Lua function in the host's hands.
type Function struct{ s *Sandbox }

// Call calls the function: from outside as [Sandbox.Call] does; with the context
// that a host function got, nested in the call that is running.
func (f *Function) Call(ctx context.Context, args ...any) (Results, error) {
	return f.s.CallFunction(ctx, f, args...)
}

// Release gives the function back once.
func (f *Function) Release() { panic("soon") }

// Keep takes hold of the function once more.
func (f *Function) Keep() { panic("soon") }

// Charge charges the running call ctx belongs to.
func Charge(ctx context.Context, instructions, bytes int64) error { panic("soon") }

// Local returns what host functions keep under key for the sandbox (and grant)
// whose call ctx belongs to, making it on first use.
func Local(ctx context.Context, key any, make func() any) any { panic("soon") }
