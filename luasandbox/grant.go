package luasandbox

// Grant is one capability: host functions, values and types of handles that a
// script gets together, as a read-only table named for the grant, or as globals.
//
// A Grant is analysed once, when it is made, and never changes: any number of
// sandboxes and goroutines may share it.
type Grant struct {
	name, doc string
	functions []*function
	constants []constant
	types     []*handleType
	err       error
}

// Member is one thing in a [Grant] or a [HandleType]: made by [Func], [Value],
// [Property], [Members] or [NewHandleType].
type Member interface{ declare(d *declarations) }

// NewGrant returns a grant with the given members. The script finds them in a
// table of that name, or, if name is "", as globals. doc says what the grant is
// for. A mistake in a member, such as a parameter of a type that cannot cross the
// border, is what [Grant.Err] and [New] report.
func NewGrant(name, doc string, members ...Member) *Grant { panic("soon") }

// Name returns the name of the table, "" for globals.
func (g *Grant) Name() string { return g.name }

// Doc returns what the grant is for.
func (g *Grant) Doc() string { return g.doc }

// Err returns nil, or the mistakes in the declaration: [*DeclarationError]s,
// joined.
func (g *Grant) Err() error { return g.err }

// Value declares a constant: nil-free plain data as [Sandbox.SetGlobal] takes it,
// or a handle. It is copied into each sandbox; tables are read-only there.
func Value(name string, v any) Member { panic("soon") }

// Members makes one member of several.
func Members(members ...Member) Member { panic("soon") }

// install puts the grant into s. FACE calls it for each grant in New.
func (g *Grant) install(s *Sandbox) error { panic("soon") }
