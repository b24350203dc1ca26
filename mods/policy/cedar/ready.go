package cedar

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed ready/*.cedar ready/*.test.toml
var ready embed.FS

// ReadyNames returns the names of the ready-made policies.
func ReadyNames() []string {
	entries, _ := ready.ReadDir("ready") // it is there
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), ".cedar"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ReadyText returns the text of a ready-made policy, and that of its tests, as package
// policytest reads them. ok is false if there is none of that name.
func ReadyText(name string) (text, tests string, ok bool) {
	if !slices.Contains(ReadyNames(), name) {
		return "", "", false
	}
	rules, err := ready.ReadFile(path.Join("ready", name+".cedar"))
	if err != nil {
		return "", "", false
	}
	table, err := ready.ReadFile(path.Join("ready", name+".test.toml"))
	return string(rules), string(table), err == nil
}

// UnknownError is a ready-made policy that there is not.
type UnknownError struct{ Name string }

// Error lists those that there are.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no ready-made policy %q%s; there are %s", e.Name, suggest(e.Name, ReadyNames()), strings.Join(ReadyNames(), ", "))
}

// Ready returns a ready-made policy: "default", "developer", "single-player" or
// "strict-server". The error is an [*UnknownError].
func Ready(name string) (*Policy, error) {
	text, _, ok := ReadyText(name)
	if !ok {
		return nil, &UnknownError{name}
	}
	p, err := Parse(name+".cedar", []byte(text))
	if err != nil {
		panic(err) // a test loads each of them
	}
	return p, nil
}

// Default returns the policy that holds where nobody has written one: a person is
// asked about everything risky, what nobody signed is refused where there is no person,
// and bad signatures and grave advisories are refused everywhere.
func Default() *Policy { return defaultPolicy() }

// defaultPolicy is read once: it is immutable, and asked for with each decision.
var defaultPolicy = sync.OnceValue(func() *Policy {
	p, err := Ready("default")
	if err != nil {
		panic(err) // a test loads it
	}
	return p
})
