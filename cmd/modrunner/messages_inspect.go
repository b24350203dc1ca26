package main

import (
	"errors"

	"github.com/luasandbox/modrunner/mods/review"
)

// The wording of inspect; that of a brief is package review's.

// How wide a brief is: on a terminal at most, where more is hard to read, and in a file.
const (
	briefColumns = 100
	fileColumns  = 80
)

// notInspected reports why a mod was not inspected.
func (c *console) notInspected(err error) {
	if e, ok := errors.AsType[*inspectError](err); ok {
		c.refusedMod(e.path, e.err)
		return
	}
	c.refused(err)
}

// overItself is why nothing is written over what is read.
func overItself(path string) error {
	return &refusal{What: path, Reason: path + " is one of the files that are read", Want: "another -o FILE"}
}

// paintLevel gives a text of a brief the colour of its level. The text has a mark of its
// own.
func (c *console) paintLevel(level review.Level, text string) string {
	switch level {
	case review.Good:
		return c.out.paint(green, text)
	case review.Caution:
		return c.out.paint(yellow, text)
	case review.Danger:
		return c.out.paint(red, text)
	}
	return c.out.paint(bold, text)
}
