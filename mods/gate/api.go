package gate

import (
	"slices"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// API is what a host offers to mods, as its API document says (mods.Host.API). It is
// not changed after [ReadAPI], and may be read by several goroutines.
type API struct {
	Version      string // of the host's API, a semantic version
	Capabilities []Capability
	// Events are the names of the events that the host's engine sends, sorted; nil if the
	// document does not say.
	Events []string
}

// Capability is one version of a capability.
type Capability struct {
	Name       string
	Version    string // as written; a semantic version if a host wrote the document
	Table      string // the global variable in which scripts find it
	Doc        string
	Risk       string // "none", "low", "medium" or "high"; "" if the document does not say
	Deprecated string // what to use instead; "": it is not deprecated
	Flag       string // it is offered only behind this feature flag
	Sensitive  bool   // the host writes each call into its audit log
	Allowed    bool   // by the policy of the document's host
	Options    []Option
	// Described: the document says what is in the table. Where it does not, Functions
	// and Values are empty, and nobody can tell.
	Described bool
	Functions []Function
	Values    []string // the names of what is in the table beside functions

	Line, Column int // of the declaration in the document; the column in bytes
}

// Option is what a request for a capability may say.
type Option struct {
	Name     string
	Type     string // "text", "texts", "count", "number", "size" or "flag"
	Doc      string
	Required bool
	Min, Max float64 // of a number; both 0: no bounds
	Choices  []string
	// Default is what holds where a request does not say it: string, []string, int64,
	// float64 or bool, as Type has it; nil: there is none.
	Default any
}

// Function is one function of a capability's table.
type Function struct {
	Name   string
	Params []Param
	Later  bool // its caller waits for the answer
}

// Param is one parameter of a function.
type Param struct {
	Name     string
	Kind     string // as luasandbox.Schema has it: "string", "integer", "any", ...
	Min, Max float64
	Bounded  bool // Min and Max say something
	Optional bool // it may be nil or absent
	Variadic bool // it stands for all arguments from here on
}

// Args returns how many arguments a call must have at least, and may have at most; at
// most -1 means any number. Surplus arguments are not an error, and mean nothing.
func (f Function) Args() (least, most int) {
	for i, p := range f.Params {
		switch {
		case p.Variadic:
			return least, -1
		case !p.Optional:
			least = i + 1
		}
	}
	return least, len(f.Params)
}

// function returns the function of that name, nil if there is none.
func (c *Capability) function(name string) *Function {
	i := slices.IndexFunc(c.Functions, func(f Function) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Functions[i]
}

// members returns the names of all that is in the table.
func (c *Capability) members() []string {
	names := slices.Clone(c.Values)
	for _, f := range c.Functions {
		names = append(names, f.Name)
	}
	return names
}

// chosen returns the capability that a host gives for a request: of those by its
// name the highest version in the range that it states. It is nil if there is none.
func (a *API) chosen(p manifest.Permission) *Capability {
	if a == nil {
		return nil
	}
	var want *semver.Constraints
	if text, ok := p.Options["version"].(string); ok {
		var err error
		if want, err = semver.NewConstraint(text); err != nil {
			return nil
		}
	}
	var best *Capability
	var highest *semver.Version
	for i := range a.Capabilities {
		c := &a.Capabilities[i]
		if c.Name != p.Name {
			continue
		}
		v, err := semver.StrictNewVersion(c.Version)
		if err != nil || want != nil && !want.Check(v) || highest != nil && !v.GreaterThan(highest) {
			continue
		}
		best, highest = c, v
	}
	return best
}

// table returns the capabilities whose table has that name.
func (a *API) table(name string) []*Capability {
	var all []*Capability
	if a == nil {
		return nil
	}
	for i := range a.Capabilities {
		if c := &a.Capabilities[i]; c.Table == name {
			all = append(all, c)
		}
	}
	return all
}

// named returns a capability by its name, of any version; nil if there is none.
func (a *API) named(name string) *Capability {
	if a == nil {
		return nil
	}
	i := slices.IndexFunc(a.Capabilities, func(c Capability) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &a.Capabilities[i]
}
