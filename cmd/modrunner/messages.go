package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/drill"
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
func (c *console) refusedMod(source string, err error) { c.ofMod(red, source, err) }

// warnedMod reports why a mod would not be run as things are here.
func (c *console) warnedMod(source string, err error) { c.ofMod(yellow, source+": warning", err) }

func (c *console) ofMod(colour, source string, err error) {
	source = oneLine(source)
	if all, ok := errors.AsType[*manifest.Error](err); ok {
		for _, problem := range all.Problems {
			c.say(colour, source+": "+problem.Error())
		}
		if all.Omitted > 0 {
			c.say(colour, source+": "+plural(all.Omitted, "more problem"))
		}
		return
	}
	c.say(colour, source+": "+reasonOf(err))
}

// hostLine is what the host of the mods says of one of them, or of itself, among
// the lines of the mods.
func hostLine(mod, message string) string {
	if mod != "" {
		message = mod + ": " + message
	}
	return "modrunner: " + message
}

// violationText is what a violation was: the message, and when and where it was.
func violationText(message, tick, during, where string) string {
	text := message + "; tick " + tick + ", " + during
	if where != "" && !strings.Contains(message, where) {
		text += " at " + where
	}
	return text
}

// violationLine tells of a violation that changed nothing for its mod.
func violationLine(mod, kind, text string) string { return hostLine(mod, kind+": "+text) }

// stateLine tells that a mod is in trouble.
func stateLine(mod string, to mods.State, reason string) string {
	return hostLine(mod, string(to)+": "+reason)
}

// reloadedLine tells that a new version of a mod runs.
func reloadedLine(m *mods.Mod) string { return hostLine("", titled(m)+" reloaded") }

// loadedLine tells that a mod runs that came later.
func loadedLine(m *mods.Mod) string { return hostLine("", titled(m)+" loaded") }

// goneLine tells that a mod was unloaded because it is not on the disk any more.
func goneLine(m *mods.Mod, path string) string {
	return hostLine("", titled(m)+" unloaded: "+path+" is gone")
}

// otherLine tells that a mod was unloaded because its files are another mod's.
func otherLine(m *mods.Mod, path string) string {
	return hostLine("", titled(m)+" unloaded: "+path+" is another mod now")
}

// unloadedLine tells that a mod was unloaded with another.
func unloadedLine(m *mods.Mod) string {
	return hostLine("", titled(m)+" unloaded: a mod that it needs was; it comes back with that")
}

// notLoadedLine tells why a mod on the disk cannot be run.
func notLoadedLine(path string, err error) string {
	return hostLine("", path+": not loaded: "+inOneLine(err))
}

// notReloadedLine tells why files that changed were not taken.
func notReloadedLine(m *mods.Mod, err error) string {
	if e, ok := errors.AsType[*mods.ReloadError](err); ok {
		err = e.Err
	}
	old := ""
	if running(m) {
		old = ", version " + m.Report().Version + " goes on"
	}
	return hostLine(m.ID(), "not reloaded"+old+": "+inOneLine(err))
}

// titled is a mod's id and version.
func titled(m *mods.Mod) string { return m.ID() + " " + m.Report().Version }

// inOneLine words an error without the lines that show its place; the place itself
// is in the first.
func inOneLine(err error) string {
	text := reasonOf(err)
	if all, ok := errors.AsType[*manifest.Error](err); ok && len(all.Problems) > 0 {
		text = all.Problems[0].Error()
		if more := len(all.Problems) - 1 + all.Omitted; more > 0 {
			first, _, _ := strings.Cut(text, "\n")
			text = first + " (and " + plural(more, "more problem") + ")"
		}
	}
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// noNews reports that it could not be found out what became known of mods.
func (c *console) noNews(err error) {
	c.say(yellow, "--refresh: "+oneLine(err.Error())+"; what was known goes on to hold")
}

// unwatched reports files whose changes will not be seen.
func (c *console) unwatched(err error) { c.say(yellow, "--watch: "+oneLine(err.Error())) }

// recoveredLine tells that a mod is in trouble no more.
func recoveredLine(mod string, from, to mods.State, tick string) string {
	switch from {
	case mods.Quarantined:
		return hostLine(mod, "the quarantine is over; loaded again in tick "+tick)
	case mods.Disabled:
		return hostLine(mod, "enabled again in tick "+tick)
	case mods.Failing:
		return hostLine(mod, "no longer failing, "+string(to)+" in tick "+tick)
	}
	return changeLine(mod, from, to, "", tick)
}

// changeLine tells of any other change of a mod's state.
func changeLine(mod string, from, to mods.State, reason, tick string) string {
	if reason != "" {
		reason = " (" + reason + ")"
	}
	return hostLine(mod, fmt.Sprintf("%s -> %s in tick %s%s", from, to, tick, reason))
}

// repeated stands for a line of a mod that came n times more.
func repeated(n int) string {
	return "modrunner: the line above came " + grouped(int64(n)) + " times more"
}

// unsaved reports that what mods store did not reach the disk.
func (c *console) unsaved(err error) { c.say(red, "what mods store could not be saved: "+err.Error()) }

// auditFailed reports that an audit log may not have all that happened.
func (c *console) auditFailed(path string, e *auditError) {
	text := oneLine(path) + ": the audit log may not be whole"
	if e.lost > 0 {
		text = oneLine(path) + ": " + plural(e.lost, "record") + " did not reach the audit log"
	}
	c.say(red, text+": "+oneLine(e.Error()))
}

// noSuchMod reports a flag for a mod that there is not.
func (c *console) noSuchMod(flag, id string) {
	c.say(yellow, fmt.Sprintf("%s: there is no mod %q", flag, id))
}

// unset reports a choice of the player's that a mod which came later does not take.
func (c *console) unset(err error) { c.say(yellow, err.Error()) }

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
	if denied, ok := errors.AsType[*mods.PermissionError](err); ok && denied.Unknown && offeringFlags[denied.Capability] != "" {
		hinted := *denied.Err
		hinted.Message, hinted.Suggestion = hinted.Message+" without "+offeringFlags[denied.Capability], ""
		return hinted.Error()
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
	switch {
	case m.State == mods.Quarantined:
		until := fmt.Sprintf(" until %v", m.Health.Until)
		if m.Health.Until == 0 { // withdrawn
			until = ""
		}
		line("%s: %s%s: %s", name, m.State, until, oneLine(m.Reason))
	case m.State != mods.Active && m.State != mods.Stopped && m.Reason != "":
		line("%s: %s: %s", name, m.State, oneLine(m.Reason))
	}
	for _, w := range m.Warnings {
		line("%s: warning: %s", name, oneLine(w))
	}
	if m.Share < 1 && m.State != mods.Refused {
		line("%s: had %.0f%% of its share of a tick at the end, since it kept using all of it", name, 100*m.Share)
	}
	stack := func(v mods.Violation) {
		_, stack, _ := strings.Cut(v.Traceback, "stack traceback:\n")
		for frame := range strings.Lines(stack) {
			line("\t%s", oneLine(strings.TrimSpace(frame)))
		}
	}
	others := m.Violations
	for i, v := range slices.Backward(m.Violations) {
		if strings.HasPrefix(m.Reason, v.Message) && strings.Contains(m.Reason, fmt.Sprintf("; tick %d, ", v.Tick)) { // what the reason is
			stack(v)
			others = slices.Delete(slices.Clone(m.Violations), i, i+1)
			break
		}
	}
	const shown = 3
	for i, v := range others {
		if i == shown {
			line("%s: and %s more", name, grouped(m.ViolationCount-int64(len(m.Violations)-len(others)+shown)))
			break
		}
		line("%s: %s in tick %d, %s: %s", name, v.Kind, v.Tick, oneLine(v.During), oneLine(v.Message))
		stack(v)
	}
}

// summary counts the mods by their states.
func summary(r runReport) string {
	count := map[mods.State]int{}
	for _, m := range r.Mods {
		count[m.State]++
	}
	return plural(int(r.Ticks), "tick") + ", " + plural(len(r.Mods), "mod") + counts(count)
}

// counts writes how many mods are in each state: ", 2 stopped, 1 refused".
func counts(of map[mods.State]int) string {
	text := ""
	for _, state := range []mods.State{
		mods.Loaded, mods.Active, mods.Paused, mods.Throttled, mods.Failing, mods.Stopped,
		mods.Quarantined, mods.Disabled, mods.Unloaded, mods.Refused,
	} {
		if of[state] > 0 {
			text += fmt.Sprintf(", %d %s", of[state], state)
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
	audit.Truncated:   "the line that the head names is not there: lines were removed at the end, or the log was written anew",
	audit.WrongHead:   "the line that the head names is another one: the log was written anew",
	audit.HeadMissing: "without a head nobody can tell whether lines were removed at the end; give one with --head",
	audit.BadHead:     "the head file is not as it was written; give a head that was kept elsewhere with --head",
	audit.FileMissing: "there is no log for this head, or for the files before",
}

// noDrill reports what kept drills from being run.
func (c *console) noDrill(err error) {
	e, ok := errors.AsType[*drill.BystanderError](err)
	switch {
	case !ok:
		c.refused(err)
	case e.Err != nil:
		c.refusedMod(e.Source, e.Err)
	default:
		c.say(red, oneLine(e.Source)+": cannot be used for drills: "+oneLine(e.Reason))
	}
}
