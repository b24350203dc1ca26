package gate

import "slices"

// Rule is one thing that mods are looked at for.
type Rule struct {
	ID       string
	Severity Severity // of its gravest findings
	Title    string   // what it finds, in a few words
	// Explanation says why that matters, and what the rule does not see, in Markdown.
	Explanation string
	// Exception: the author may answer for findings of the rule, in the manifest under
	// [exceptions].
	Exception bool
	// NeedsAPI: without an API document the rule finds nothing.
	NeedsAPI bool
	// Bad is flagged, by this rule alone; Good is how to mend it.
	Bad, Good Example
}

// Example is a mod.
type Example struct {
	Manifest string            // what follows the section [mod]
	Lua      string            // main.lua
	Files    map[string]string // other files
	Measured *Measured
}

// Rules returns all rules, in the order of RULES.md. The slice is the caller's.
func Rules() []Rule { return slices.Clone(rules) }

// RuleByID returns the rule with that id.
func RuleByID(id string) (Rule, bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}
