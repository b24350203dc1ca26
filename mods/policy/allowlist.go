package policy

import (
	"fmt"
	"slices"
)

// AllowList allows the capabilities that it names, to every mod, and no others. The
// zero AllowList allows none.
type AllowList struct {
	All          bool // every capability
	Capabilities []string
}

// Judge allows the mod as a whole, and denies what is not on the list.
func (l AllowList) Judge(r Request) (Ruling, []Ruling) {
	rulings := make([]Ruling, len(r.Permissions))
	for i, p := range r.Permissions {
		rulings[i] = Ruling{Capability: p.Capability, Effect: Allow, Rules: []string{l.Name()}}
		if !l.All && !slices.Contains(l.Capabilities, p.Capability) {
			rulings[i].Effect = Deny
			rulings[i].Message = fmt.Sprintf("this host does not allow the capability %q", p.Capability)
		}
	}
	return Ruling{Effect: Allow, Rules: []string{l.Name()}}, rulings
}

// Name says that it is a list.
func (l AllowList) Name() string {
	if l.All {
		return "allow-all"
	}
	return "allow-list"
}
