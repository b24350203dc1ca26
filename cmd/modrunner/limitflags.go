package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

// limitFlags are the flags that set limits, the same for every command that
// runs Lua.
type limitFlags struct{ limits limits.Limits }

// register adds the flags. per is what instructions and time are counted for:
// "in all" or "per call"; defaults are what holds without them.
func (f *limitFlags) register(cmd *cobra.Command, per string, defaults limits.Limits) {
	set := cmd.Flags()
	add := func(kind limits.Kind, name, holder, usage string) {
		value := &limitValue{limits: &f.limits, kind: kind, holder: holder}
		set.Var(value, name, fmt.Sprintf("%s (default %s)", usage, amount(kind, defaults.Of(kind))))
	}
	add(limits.Instructions, "instructions", "N", "most instructions "+per)
	add(limits.Memory, "memory", "SIZE", "most memory, such as 64MiB")
	add(limits.Time, "time", "DUR", "longest time "+per+", such as 500ms")
	set.Var(&namedLimit{limits: &f.limits}, "limit", "any limit by its name, as in depth=200; repeat for more\n(see \"modrunner help limits\")")
	names := make([]string, 0, len(limits.Kinds()))
	for _, kind := range limits.Kinds() {
		names = append(names, kind.String()+"=")
	}
	_ = cmd.RegisterFlagCompletionFunc("limit", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoSpace))
}

// newLimitsTopic is the page of the help on limits.
func newLimitsTopic() *cobra.Command {
	var text strings.Builder
	text.WriteString("The limits, what they hold and their defaults:\n\n")
	for _, kind := range limits.Kinds() {
		fmt.Fprintf(&text, "  %-13s %-38s %s\n", kind, limitMeanings[kind], amount(kind, limits.Defaults().Of(kind)))
	}
	text.WriteString(`
Set them with --limit NAME=VALUE, or --instructions, --memory and --time. Sizes
are written 4096, 16MB (powers of 1000) or 64MiB (powers of 1024), times 500ms,
10s or 1m30s; "unlimited" is no limit. What a mod asks for in its manifest can
only be less; the instructions of one call of a mod are ` + grouped(mods.DefaultCallInstructions) + ` by default.

Reaching a limit ends the call, whatever the script does about it, but for three:
depth and string are errors that the script can catch, nesting is an error of
syntax.`)
	return &cobra.Command{Use: "limits", Short: "The limits and how to set them", Long: text.String()}
}

// limitValue is the value of one flag that sets one limit.
type limitValue struct {
	limits *limits.Limits
	kind   limits.Kind
	holder string
	text   string
}

// String returns what was set, or nothing.
func (v *limitValue) String() string { return v.text }

// Type names the value in the help text.
func (v *limitValue) Type() string { return v.holder }

// Set reads the value.
func (v *limitValue) Set(text string) error {
	n, err := parseLimit(v.kind, text)
	if err != nil {
		return err
	}
	*v.limits = v.limits.With(v.kind, n)
	v.text = text
	return nil
}

// namedLimit is the value of the flag --limit, NAME=VALUE.
type namedLimit struct {
	limits *limits.Limits
	text   string
}

// String returns what was set last, or nothing.
func (v *namedLimit) String() string { return v.text }

// Type names the value in the help text.
func (v *namedLimit) Type() string { return "NAME=VALUE" }

// Set reads one limit.
func (v *namedLimit) Set(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("want NAME=VALUE, such as depth=200")
	}
	kind, err := limits.ParseKind(name)
	if err != nil {
		return err
	}
	n, err := parseLimit(kind, value)
	if err != nil {
		return err
	}
	*v.limits = v.limits.With(kind, n)
	v.text = text
	return nil
}

// parseLimit reads the value of a limit: "unlimited", or, as its kind is
// counted, a size, a duration or a number. It is positive: zero means the
// default where limits are set, which a person who writes 0 does not mean.
func parseLimit(kind limits.Kind, text string) (int64, error) {
	if text == "unlimited" {
		return limits.Unlimited, nil
	}
	var n int64
	var err error
	switch {
	case kind == limits.Time:
		var d time.Duration
		d, err = time.ParseDuration(text)
		n = int64(d)
		if err != nil {
			err = fmt.Errorf("want a duration such as 500ms, 10s or 1m30s")
		}
	case countsBytes(kind):
		n, err = limits.ParseSize(text)
	default:
		n, err = strconv.ParseInt(text, 10, 64)
		if err != nil {
			err = fmt.Errorf("want a whole number such as %d", limits.Defaults().Of(kind))
		}
	}
	switch {
	case err != nil:
		return 0, err
	case n <= 0:
		return 0, fmt.Errorf("a limit must be positive; use \"unlimited\" for none")
	}
	return n, nil
}

func countsBytes(kind limits.Kind) bool {
	switch kind {
	case limits.Memory, limits.Output, limits.String, limits.Source:
		return true
	}
	return false
}
