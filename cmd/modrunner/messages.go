package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/limits"
)

// Everything modrunner says of its own accord is worded in this file, and goes
// to standard error behind the name of the program. Whatever comes from
// outside, file names and scripts' messages, is made visible on the way.

// say writes a message.
func (c *console) say(colour, message string) {
	c.out.Flush()
	fmt.Fprintf(c.err, "%s %s\n", c.err.paint(colour, "modrunner:"), hanging(message))
	c.err.Flush()
}

// usageError reports a command line that cannot be understood.
func (c *console) usageError(command, problem string) {
	c.say(red, fmt.Sprintf("%s\n(see \"%s --help\")", problem, command))
}

// refused reports what kept a command from running anything.
func (c *console) refused(err error) { c.say(red, err.Error()) }

// scriptFailed reports an error that ended a script.
func (c *console) scriptFailed(message, traceback string) {
	if traceback != "" {
		message += "\n" + traceback
	}
	c.say(red, message)
}

// stopped reports a limit that ended a script.
func (c *console) stopped(e *limits.Error) {
	c.say(yellow, "stopped: "+limitReached(e)+"; raise it with "+limitFlag(e.Kind))
}

// limitHint names the limit behind an error that a script could have caught.
func (c *console) limitHint(e *limits.Error) {
	c.say(yellow, "this came of a limit: "+limitReached(e)+"; raise it with "+limitFlag(e.Kind))
}

// interrupted reports that a person or a program ended the command.
func (c *console) interrupted(text string) { c.say(yellow, text) }

// internalError reports a bug of ours.
func (c *console) internalError(where string) {
	c.say(red, "internal error: this is a bug in modrunner, not in the script"+where)
}

// unwritten reports output that did not arrive.
func (c *console) unwritten(stream string, err error) {
	c.say(red, "cannot write "+stream+": "+err.Error())
}

// limitReached says which limit it was, in words: "instruction limit reached
// (100,000,000)".
func limitReached(e *limits.Error) string {
	text := limitNames[e.Kind]
	if text == "" {
		text = e.Kind.String()
	}
	text += " limit reached (" + amount(e.Kind, e.Max)
	switch {
	case e.Kind == limits.Source && e.Asked > e.Max:
		text += "; the file has " + amount(e.Kind, e.Asked)
	case e.Kind == limits.String && e.Asked > e.Max:
		text += "; one of " + amount(e.Kind, e.Asked) + " was to be made"
	}
	return text + ")"
}

var limitNames = map[limits.Kind]string{
	limits.Instructions: "instruction",
	limits.Memory:       "memory",
	limits.Time:         "time",
	limits.Depth:        "call depth",
	limits.Coroutines:   "coroutine",
	limits.Output:       "output",
	limits.HostCalls:    "host call",
	limits.String:       "string size",
	limits.Source:       "source size",
	limits.Nesting:      "source nesting",
}

// limitMeanings say what each limit holds.
var limitMeanings = map[limits.Kind]string{
	limits.Instructions: "instructions of one call",
	limits.Memory:       "memory that is in use at one time",
	limits.Time:         "time of one call",
	limits.Depth:        "calls inside calls",
	limits.Coroutines:   "coroutines alive at one time",
	limits.Output:       "bytes printed by one call",
	limits.HostCalls:    "calls of host functions in one call",
	limits.String:       "bytes of one string",
	limits.Source:       "bytes of one source file",
	limits.Nesting:      "levels of nesting in one source file",
}

// limitFlag returns how a person raises a limit.
func limitFlag(kind limits.Kind) string {
	switch kind {
	case limits.Instructions, limits.Memory, limits.Time:
		return "--" + kind.String()
	}
	return "--limit " + kind.String() + "=" + map[bool]string{true: "SIZE", false: "N"}[countsBytes(kind)]
}

// amount writes so much of what a limit counts.
func amount(kind limits.Kind, n int64) string {
	switch {
	case n == limits.Unlimited:
		return "unlimited"
	case kind == limits.Time:
		return time.Duration(n).String()
	case countsBytes(kind):
		return size(n)
	}
	return grouped(n)
}

// grouped writes a number with a comma before every three digits.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// size writes a number of bytes with at most one digit after the point: "1.5 MiB".
func size(n int64) string {
	units := []string{"KiB", "MiB", "GiB"}
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0") + " " + units[unit]
}

// plural writes "1 mod", "2 mods".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(int64(n)) + " " + one + "s"
}
