package cedar

import (
	"fmt"
	"strings"
)

// maxProblems bounds how many mistakes are told of one file.
const maxProblems = 20

// Problem is one mistake in a policy, and the way out of it.
type Problem struct {
	File         string
	Line, Column int    // from 1, the column in characters; 0 if it is about the file as a whole
	Rule         string // the id of the rule, if it is known by then
	Message      string // what is wrong, and what would be right, on one line
}

// Error names the file, the place, the rule and what is wrong.
func (p *Problem) Error() string {
	text := p.File
	if p.Line > 0 {
		text = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	if p.Rule != "" {
		text += fmt.Sprintf(": rule %q", p.Rule)
	}
	return text + ": " + p.Message
}

// Error is a policy that cannot be loaded: not one of its rules holds then.
type Error struct {
	Problems []*Problem // at least one, in the order of the file
	Omitted  int        // how many more there are
}

// Error is one line for each problem.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	for _, p := range e.Problems {
		lines = append(lines, p.Error())
	}
	if e.Omitted > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.Omitted))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the problems.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = p
	}
	return errs
}

func (e *Error) add(p *Problem) {
	if len(e.Problems) == maxProblems {
		e.Omitted++
		return
	}
	e.Problems = append(e.Problems, p)
}
