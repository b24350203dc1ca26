package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy/cedar"
)

// The wording of policy.

// untested is what is wrong with a policy that has no tests.
func untested(tests string) error {
	return &refusal{What: tests, Reason: "there are no tests of this policy", Want: "a table of requests and of what is to become of them; see \"modrunner policy test --help\""}
}

// policyRefused says all that is wrong with a policy.
func (c *console) policyRefused(err error) {
	e, ok := errors.AsType[*cedar.Error](err)
	if !ok {
		c.refused(err)
		return
	}
	for _, p := range e.Problems {
		c.say(red, oneLine(p.Error()))
	}
	if e.Omitted > 0 {
		c.say(red, plural(e.Omitted, "more problem"))
	}
}

// policyChecked reports on one policy.
func (c *console) policyChecked(r *policyReport) {
	if r.err != nil {
		c.policyRefused(r.err)
		return
	}
	c.passed(r.File, plural(len(r.Rules), "rule")+", "+r.Name)
}

// policyTested reports on the tests of one policy.
func (c *console) policyTested(r *policyReport) {
	if r.err != nil {
		c.policyRefused(r.err)
		return
	}
	failed := 0
	for _, t := range r.Tests {
		if t.OK {
			continue
		}
		failed++
		for _, d := range t.Differences {
			c.say(red, oneLine(fmt.Sprintf("%s:%d: %s: %s is %s; want %s", testsOf(r.File), t.Line, t.Name, d.What, quoted(d.Got), quoted(d.Want))))
		}
	}
	if len(r.Untested) > 0 {
		c.say(yellow, oneLine(fmt.Sprintf("%s: no test matches %s", r.File, strings.Join(r.Untested, ", "))))
	}
	if failed > 0 {
		fmt.Fprintf(c.out, "%s: %s of %s failed\n", oneLine(r.File), grouped(int64(failed)), plural(len(r.Tests), "test"))
		return
	}
	c.passed(r.File, plural(len(r.Tests), "test"))
}

// quoted shows a text of several words as one thing.
func quoted(text string) string {
	if text == "" || strings.ContainsAny(text, " ;") {
		return fmt.Sprintf("%q", text)
	}
	return text
}

// notExplained reports why there is nothing to explain.
func (c *console) notExplained(err error) {
	if _, ok := errors.AsType[*manifest.Error](err); ok {
		c.refusedMod("the mod", err)
		return
	}
	c.policyRefused(err)
}

var effectColours = map[string]string{"allow": green, "clamp": green, "ask": yellow, "deny": red}

// explainPolicy writes the explanation for people.
func (c *console) explainPolicy(e explanation) {
	fmt.Fprintf(c.out, "%s %s: %s, by %s\n", oneLine(e.ID), oneLine(e.Version), c.out.paint(effectColours[e.Decision], e.Decision), oneLine(e.Policy))
	for _, reason := range e.Reasons {
		fmt.Fprintf(c.out, "  %s\n", oneLine(reason))
	}
	var given []string
	for _, kind := range limits.Kinds() {
		if n, ok := e.Limits[kind.String()]; ok {
			given = append(given, kind.String()+"="+policyLimit(kind, n))
		}
	}
	if len(given) > 0 {
		fmt.Fprintf(c.out, "  limits: %s\n", strings.Join(given, ", "))
	}
	c.explainRuling("the mod as a whole", e.Mod, "")
	for _, p := range e.Permissions {
		granted := "not granted"
		if p.Granted {
			granted = "granted"
		}
		c.explainRuling("capability "+oneLine(p.Capability), p.explainedRuling, granted)
		for _, name := range slices.Sorted(maps.Keys(p.Options)) {
			if was, is := fmt.Sprint(p.Asked[name]), fmt.Sprint(p.Options[name]); p.Granted && was != is {
				fmt.Fprintf(c.out, "  %s: %s instead of %s\n", oneLine(name), oneLine(is), oneLine(was))
			}
		}
	}
}

// explainRuling writes what was made of one thing, and what each rule said: those that
// do not match only in short.
func (c *console) explainRuling(what string, r explainedRuling, granted string) {
	if granted != "" {
		granted = ", " + granted
	}
	fmt.Fprintf(c.out, "\n%s: %s%s\n", what, c.out.paint(effectColours[r.Effect], r.Effect), granted)
	if r.Message != "" {
		fmt.Fprintf(c.out, "  %s\n", oneLine(r.Message))
	}
	var others []string
	for _, o := range r.Rules {
		if o.Result == "no" {
			others = append(others, o.Rule[strings.LastIndexByte(o.Rule, ':')+1:])
			continue
		}
		text := o.Error
		if text != "" {
			text = ": " + text
		}
		fmt.Fprintf(c.out, "  %-7s  %s (%s)%s\n", o.Result, oneLine(o.Rule), o.Effect, oneLine(text))
	}
	if len(others) > 0 {
		fmt.Fprintf(c.out, "  no match: %s\n", oneLine(strings.Join(others, ", ")))
	}
}

// policyLimit is a limit as a person writes it.
func policyLimit(kind limits.Kind, n int64) string {
	switch {
	case n == limits.Unlimited:
		return "unlimited"
	case kind == limits.Time:
		return time.Duration(n).String()
	case countsBytes(kind):
		return limits.FormatSize(n)
	}
	return grouped(n)
}
