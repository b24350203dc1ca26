package luasandbox

import "context"

// HandleType is a kind of opaque handle to host objects of Go type *T.
type HandleType[T any] struct{ t *handleType }

// NewHandleType declares it; list it among the members of each grant whose
// functions take or return *T.
func NewHandleType[T any](name, doc string, methods ...Member) *HandleType[T] { panic("soon") }

func (h *HandleType[T]) declare(d *declarations) { panic("soon") }

// Handle is a handle of a certain type, for functions that return several kinds.
type Handle struct {
	t      *handleType
	object any
}

// Handle returns object as a handle of type h.
func (h *HandleType[T]) Handle(object *T) Handle { panic("soon") }

// Object returns the host object.
func (h Handle) Object() any { return h.object }

// Property declares a field of a handle: get is func([ctx,] *T) (V[, error]), set
// func([ctx,] *T, V) [error] or nil.
func Property(name string, get, set any, opts ...FuncOption) Member { panic("soon") }

// Revoke closes every handle to object in s.
func (s *Sandbox) Revoke(object any) error { panic("soon") }

// Revoke closes every handle to object in the sandbox whose call ctx belongs to.
func Revoke(ctx context.Context, object any) error { panic("soon") }
