package luasandbox

import "github.com/luasandbox/modrunner/luasandbox/vm"

// toLua copies v into s: bounded, cycle-refusing, charged.
func (s *Sandbox) toLua(v any) (vm.Value, error) { panic("soon") }

// fromLua copies v out of s: nil, bool, float64, string, []any, map[string]any,
// map[any]any, *Function (kept until Release), a handle's object.
func (s *Sandbox) fromLua(v vm.Value) (any, error) { panic("soon") }

// value returns the Lua function that f stands for.
func (f *Function) value() (vm.Value, error) { panic("soon") }
