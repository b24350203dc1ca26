package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Everything modrunner says of its own accord is worded in this file, and goes
// to standard error behind the name of the program. Whatever comes from
// outside, file names and scripts' messages, is made visible on the way.

// say writes a message.
func (c *console) say(colour, message string) {
	const name = "modrunner:"
	c.out.Flush()
	text := c.err.fit(name + " " + hanging(message))
	fmt.Fprintln(c.err, c.err.paint(colour, name)+strings.TrimPrefix(text, name))
	c.err.Flush()
}

// usageError reports a command line that cannot be understood.
func (c *console) usageError(command, problem string) {
	c.say(red, fmt.Sprintf("%s\n(see \"%s --help\")", problem, command))
}

// refused reports what kept a command from running anything.
func (c *console) refused(err error) { c.say(red, oneLine(err.Error())) }

// refusedMod reports why a mod would not be, or was not, run. Errors of manifests
// have their own place; others get the mod's.
func (c *console) refusedMod(source string, err error) {
	source = oneLine(source)
	if all, ok := errors.AsType[*manifest.Error](err); ok {
		for _, problem := range all.Problems {
			c.say(red, source+": "+problem.Error())
		}
		if all.Omitted > 0 {
			c.say(red, source+": "+plural(all.Omitted, "more problem"))
		}
		return
	}
	c.say(red, source+": "+reasonOf(err))
}

// hostLine is what the host of the mods says of one of them, or of itself, among
// the lines of the mods.
func hostLine(mod, message string) string {
	if mod != "" {
		message = mod + ": " + message
	}
	return "modrunner: " + message
}

// quarantinedLine tells among the lines of the mods that one was stopped.
func quarantinedLine(mod, reason string) string {
	return hostLine(mod, "quarantined: "+reason)
}

// repeated stands for a line of a mod that came n times more.
func repeated(n int) string {
	return "modrunner: the line above came " + grouped(int64(n)) + " times more"
}

// unsaved reports that what mods store did not reach the disk.
func (c *console) unsaved(err error) { c.say(red, "what mods store could not be saved: "+err.Error()) }

// unsaid reports a line of chat that was not delivered.
func (c *console) unsaid(line chatLine, err error) {
	c.say(yellow, fmt.Sprintf("what %s said in tick %d did not arrive: %v", line.player, line.tick, err))
}

// reasonOf words why a mod was refused, for who knows where it is from. An error
// that shows a place in a manifest has several lines.
func reasonOf(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok {
		return oneLine(r.reason())
	}
	if twice, ok := errors.AsType[*mods.DuplicateError](err); ok {
		return fmt.Sprintf("the id %q belongs to %s already; only one of them can run", twice.ID, oneLine(twice.First))
	}
	e, ok := errors.AsType[*bundle.Error](err)
	if !ok {
		return err.Error()
	}
	text := string(e.Reason)
	if e.Path != "" && e.Reason != bundle.NoManifest {
		text = e.Path + ": " + text
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return oneLine(text)
}

// passed reports that something is well, on standard output.
func (c *console) passed(name, detail string) {
	if detail != "" {
		detail = " (" + detail + ")"
	}
	fmt.Fprintf(c.out, "%s: %s%s\n", oneLine(name), c.out.paint(green, "ok"), oneLine(detail))
}

// scriptFailed reports an error that ended a script.
func (c *console) scriptFailed(message, traceback string) {
	c.say(red, message)
	if traceback == "" {
		return
	}
	fmt.Fprintln(c.err, "stack traceback:")
	for line := range strings.Lines(strings.TrimPrefix(traceback, "stack traceback:\n")) {
		fmt.Fprintln(c.err, c.err.fit("\t"+oneLine(strings.Trim(line, "\t\n"))))
	}
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
	c.say(red, "cannot write "+stream+": "+bare(err).Error())
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

// explain says in words what was wrong with a mod, if anything was: why it does
// not run, and the first of its errors.
func (c *console) explain(m modReport) {
	name := oneLine(m.title())
	line := func(format string, args ...any) { fmt.Fprintln(c.out, c.out.fit(fmt.Sprintf(format, args...))) }
	if m.State == mods.Refused || m.State == mods.Quarantined {
		line("%s: %s: %s", name, m.State, oneLine(m.Reason))
	}
	const shown = 3
	for i, v := range m.Violations {
		if i == shown {
			line("%s: and %s more", name, grouped(int64(len(m.Violations)-i)+m.omitted))
			break
		}
		if !strings.Contains(m.Reason, v.Message) && v.Kind != mods.LimitViolation { // not said yet
			line("%s: %s in tick %d, %s: %s", name, v.Kind, v.Tick, oneLine(v.During), oneLine(v.Message))
		}
		_, stack, _ := strings.Cut(v.Traceback, "stack traceback:\n")
		for frame := range strings.Lines(stack) {
			line("\t%s", oneLine(strings.TrimSpace(frame)))
		}
	}
}

// summary counts the mods by their states.
func summary(r runReport) string {
	count := map[mods.State]int{}
	for _, m := range r.Mods {
		count[m.State]++
	}
	text := plural(int(r.Ticks), "tick") + ", " + plural(len(r.Mods), "mod")
	for _, state := range []mods.State{mods.Loaded, mods.Active, mods.Paused, mods.Throttled, mods.Failing, mods.Stopped, mods.Quarantined, mods.Disabled, mods.Refused} {
		if count[state] > 0 {
			text += fmt.Sprintf(", %d %s", count[state], state)
		}
	}
	return text
}

// damagedAudit reports the first thing that is wrong with an audit log.
func (c *console) damagedAudit(e *audit.VerifyError) {
	place := oneLine(e.Path)
	if e.Line > 0 {
		place += ":" + strconv.FormatInt(e.Line, 10)
	}
	text := place + ": " + string(e.Reason) + ": " + auditReasons[e.Reason]
	if e.Got != "" {
		text += "\n\tgot  " + oneLine(e.Got)
	}
	if e.Want != "" {
		text += "\n\twant " + oneLine(e.Want)
	}
	c.say(red, text)
}

// unreadableAudit reports an audit log that could not be read.
func (c *console) unreadableAudit(path string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		c.say(red, oneLine(path)+": no such file; want an audit log")
		return
	}
	c.say(red, oneLine(path)+": "+oneLine(bare(err).Error()))
}

// auditReasons say in words what was found.
var auditReasons = map[audit.Reason]string{
	audit.Altered:     "this line, or the hash of the one before, is not as it was written",
	audit.Sequence:    "this is not the line that follows: lines were removed, inserted or moved here",
	audit.Malformed:   "the log does not write such lines",
	audit.TooLong:     "the log does not write such long lines",
	audit.Torn:        "the last line is not whole; if the host was killed, it repairs that when it opens the log",
	audit.NoBegin:     "the log does not begin like this: lines before are missing, or it is no audit log",
	audit.Truncated:   "the line that the head names is not there: lines were removed at the end",
	audit.WrongHead:   "the line that the head names is another one: the log was written anew",
	audit.HeadMissing: "without a head nobody can tell whether lines were removed at the end; give one with --head",
	audit.BadHead:     "the head file is not as it was written; give a head that was kept elsewhere with --head",
	audit.FileMissing: "there is no log for this head, or for the files before",
}
