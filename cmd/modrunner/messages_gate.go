package main

import (
	"fmt"
	"path"
	"path/filepath"

	"github.com/luasandbox/modrunner/mods/gate"
)

// What check says of rules and what they find is worded here.

// severityColours never stand alone: the severity's name is there.
var severityColours = map[gate.Severity]string{gate.Note: faint, gate.Warning: yellow, gate.Error: red}

// finding lists what a rule found in a mod, on standard output, as compilers do.
func (c *console) finding(source string, f gate.Finding) {
	colour := severityColours[f.Severity]
	if f.Justified != "" {
		colour = faint
	}
	line := fmt.Sprintf("%s:%d:%d: %s: %s [%s]", oneLine(path.Join(filepath.ToSlash(source), f.Path)), f.Line, f.Column,
		c.out.paint(colour, string(f.Severity)), oneLine(f.Text()), f.Rule)
	if f.Justified != "" {
		line += " (justified: " + oneLine(f.Justified) + ")"
	}
	fmt.Fprintln(c.out, line)
}

// failedRules tells that a mod does not pass the rules.
func (c *console) failedRules(source string, errs, warnings int) {
	text := plural(errs, "error")
	switch {
	case errs == 0:
		text = plural(warnings, "warning")
	case warnings > 0:
		text += ", " + plural(warnings, "warning")
	}
	c.say(red, oneLine(source)+": "+text)
}

// counted tells of findings of a mod that passes.
func counted(warnings, notes int) string {
	text := ""
	if warnings > 0 {
		text += ", " + plural(warnings, "warning")
	}
	if notes > 0 {
		text += ", " + plural(notes, "note")
	}
	return text
}
