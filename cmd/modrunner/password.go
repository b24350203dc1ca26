package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/trust"
)

// passwordFlag is where a password is from: the terminal, or a file. It is never an
// argument, which other users of the machine can see.
type passwordFlag struct {
	name, file string
}

// register adds the flag.
func (p *passwordFlag) register(cmd *cobra.Command, name, of string) {
	p.name = "--" + name
	cmd.Flags().StringVar(&p.file, name, "", "read the password "+of+" from this `FILE`, - for standard input\n(default: it is asked for)")
	_ = cmd.MarkFlagFilename(name)
}

// ask returns the password of the key at path.
func (p *passwordFlag) ask(ctx context.Context, c *console, path string) (string, error) {
	if p.file != "" {
		return p.read(ctx, c)
	}
	return p.typed(ctx, c, passwordPrompt(path))
}

// choose returns a password for the new key at path, which a person types twice.
func (p *passwordFlag) choose(ctx context.Context, c *console, path string) (string, error) {
	if p.file != "" {
		return p.read(ctx, c)
	}
	first, err := p.typed(ctx, c, newPasswordPrompt(path))
	if err == nil && first == "" {
		err = noPassword()
	}
	if err != nil {
		return "", err
	}
	second, err := p.typed(ctx, c, passwordAgain)
	if err == nil && first != second {
		err = passwordsDiffer()
	}
	return first, err
}

// read returns the one line of the file.
func (p *passwordFlag) read(ctx context.Context, c *console) (string, error) {
	in, name := c.in, "standard input"
	if p.file != "-" {
		file, err := os.Open(p.file) // a pipe is welcome
		if err != nil {
			return "", unreadable(p.file, "a file with a password", err)
		}
		defer file.Close() // it was only read
		in, name = file, p.file
	}
	text, err := readInput(ctx, "a file with a password", in, limits.Limits{Source: trust.MaxPassword + 2})
	if _, large := errors.AsType[*limits.Error](err); large {
		return "", &refusal{What: name, Reason: fmt.Sprintf("more than %d bytes", trust.MaxPassword), Want: "one line with the password"}
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		r.What = name
	}
	if err != nil {
		return "", err
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" || strings.ContainsAny(text, "\r\n\x00") {
		return "", &refusal{What: name, Reason: "not one line of text", Want: "one line with the password"}
	}
	return text, nil
}

// typed returns what a person types at the terminal, unseen.
func (p *passwordFlag) typed(ctx context.Context, c *console, prompt string) (string, error) {
	fd := int(c.in.Fd())
	before, err := term.GetState(fd)
	if err != nil || !term.IsTerminal(fd) {
		return "", noTerminal(p.name)
	}
	fmt.Fprint(c.err, c.err.fit(prompt))
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		done <- result{text, err}
	}()
	defer fmt.Fprintln(c.err)
	select {
	case r := <-done:
		if r.err != nil {
			return "", &refusal{What: "the terminal", Reason: bare(r.err).Error(), Want: "a password", Err: r.err}
		}
		return string(r.text), nil
	case <-ctx.Done():
		_ = term.Restore(fd, before) // the read goes on until the process ends, with it the echo would stay off
		return "", limits.Cancelled(ctx)
	}
}

// timeOfFlag reads the value of a flag; now if it has none. The error is one of usage.
func timeOfFlag(flag, value string) (time.Time, error) {
	if value == "" {
		return time.Now().UTC(), nil
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return at, fmt.Errorf("%s %q: want a time such as 2006-01-02T15:04:05Z", flag, value)
	}
	return at.UTC(), nil
}
