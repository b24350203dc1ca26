package gopher_test

import "context"

// countingContext counts how often it is looked at.
type countingContext struct {
	context.Context
	n int
}

func (c *countingContext) Done() <-chan struct{} {
	c.n++
	return c.Context.Done()
}
