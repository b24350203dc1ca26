package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/review"
)

// The wording of install, approve, deny, revoke, uninstall, update, outdated and list.

// itemTitle is a bundle's id and version.
func itemTitle(i *install.Item) string { return oneLine(i.Review.ID + " " + i.Review.Version) }

// showItem shows a person what they are asked about.
func (c *console) showItem(i *install.Item) {
	fmt.Fprintln(c.err)
	fmt.Fprint(c.err, i.Review.Brief().Text(c.err.width(), func(level review.Level, text string) string {
		switch level {
		case review.Good:
			return c.err.paint(green, text)
		case review.Caution:
			return c.err.paint(yellow, text)
		case review.Danger:
			return c.err.paint(red, text)
		}
		return c.err.paint(bold, text)
	}))
	fmt.Fprintln(c.err)
	for _, why := range i.Decision.Reasons {
		fmt.Fprintln(c.err, c.err.fit("The policy asks: "+oneLine(why)))
	}
	if left := i.Undecided(); len(left) > 0 {
		fmt.Fprintln(c.err, c.err.fit("It can do without, and may have: "+oneLine(strings.Join(left, ", "))))
	}
}

// installQuestion asks whether to install a mod.
func installQuestion(i *install.Item, some bool) string {
	text := "Install " + itemTitle(i) + "? [y]es, [n]o"
	if some {
		text += ", [s]ome of what it can do without"
	}
	return text + ", [l]ater: "
}

// optionalQuestion asks whether to grant what a mod can do without.
func optionalQuestion(p policy.PermissionDecision) string {
	return fmt.Sprintf("  Grant %s (%s)? [y]es, [n]o: ", oneLine(p.Capability), oneLine(p.Reason))
}

// lookAgain says why a person is asked again.
func (c *console) lookAgain(e *install.ChangedError) { c.say(yellow, oneLine(e.Error())) }

// tellInstalled says what became of a plan.
func (c *console) tellInstalled(r *install.Result) {
	for _, i := range r.Installed {
		c.passed(itemTitle(i), installedText(i))
	}
	for _, id := range r.Gone {
		fmt.Fprintf(c.out, "%s: removed\n", oneLine(id))
	}
	if len(r.Installed)+len(r.Gone)+len(r.Waiting) == 0 {
		fmt.Fprintln(c.out, "nothing to do")
	}
	for _, i := range r.Waiting {
		if !i.Asks() {
			c.say(yellow, itemTitle(i)+": waits for the others")
			continue
		}
		text := itemTitle(i) + ": waits to be approved: " + oneLine(strings.Join(i.Decision.Reasons, "; "))
		if d := i.Review.Since; d != nil {
			text += "\nsince " + oneLine(d.FromVersion) + ", which was approved:"
			for _, change := range d.Changes {
				text += "\n  " + moreMark(change.More) + oneLine(change.Words)
			}
		}
		text += "\nto look at it: modrunner inspect " + oneLine(i.Review.ID) + "; to decide: modrunner approve " + oneLine(i.Review.ID) + ", or modrunner deny " + oneLine(i.Review.ID)
		c.say(yellow, text)
	}
}

// tellBlocked tells of installed mods that may not run as things are now: whoever asked
// the catalogue may have learned just that.
func (c *console) tellBlocked(ctx context.Context, home *install.Home) {
	all, err := home.List(ctx)
	if err != nil {
		return // what was asked for is done; list says what is wrong
	}
	for _, m := range all {
		if m.State == "blocked" {
			c.say(red, blockedText(m))
		}
	}
}

// blockedText says why a mod is in the state that it is in.
func blockedText(m install.Listed) string {
	return oneLine(m.ID + " " + m.Version + ": " + m.State + ": " + strings.Join(m.Reasons, "; "))
}

func moreMark(more bool) string {
	if more {
		return "!! "
	}
	return "   "
}

// installedText says how a mod came to be installed, and what it got.
func installedText(i *install.Item) string {
	text := "installed"
	if i.Resigned {
		text += " with its new signature, by " + oneLine(i.Review.Publisher)
	} else if i.Installed != "" {
		text += " instead of " + i.Installed
	}
	switch {
	case i.Follows:
		text += "; asks for no more than " + i.Before.Version + ", which was approved"
	case i.Decision.Approved:
		text += "; approved"
	default:
		text += "; allowed by the policy"
	}
	var granted, left []string
	for _, p := range i.Decision.Permissions {
		if p.Granted {
			granted = append(granted, p.Capability)
		} else {
			left = append(left, p.Capability)
		}
	}
	if len(granted) > 0 {
		text += "; may use " + strings.Join(granted, ", ")
	}
	if len(left) > 0 {
		text += "; without " + strings.Join(left, ", ")
	}
	return text
}

// approved tells that an approval is on record.
func (c *console) approved(i *install.Item, without []string) {
	text := "approved"
	if len(without) > 0 {
		text += ", without " + strings.Join(without, ", ")
	}
	fmt.Fprintf(c.out, "%s: %s\n", itemTitle(i), oneLine(text))
}

// saidNo tells that a refusal is on record.
func (c *console) saidNo(name, verb string) {
	fmt.Fprintf(c.out, "%s: %s\n", oneLine(name), map[string]string{"deny": "denied", "revoke": "revoked"}[verb])
}

// refusedItems tells which mods may not be installed, and why.
func (c *console) refusedItems(e *install.RefusedError) {
	for _, i := range e.Items {
		text := itemTitle(i) + ": refused"
		if i.Asks() && i.Resigned {
			c.say(red, text+": you said no; what is installed stays, signed as it is")
			continue
		}
		if i.Asks() { // a person said no
			text += ": you said no; it will not be asked about again (to change that: modrunner approve " + oneLine(i.Review.ID) + ")"
			c.say(red, text)
			continue
		}
		for _, why := range i.Decision.Reasons {
			text += "\n  " + oneLine(why)
		}
		text += "\n  (rules: " + oneLine(i.Decision.Rules) + ")"
		if len(i.NeededBy) > 0 {
			text += "\n  it is needed by " + oneLine(strings.Join(i.NeededBy, ", "))
		}
		c.say(red, text)
	}
}

// refusedInstall tells why nothing was done.
func (c *console) refusedInstall(err error) {
	text := oneLine(reasonOf(err))
	if e, ok := errors.AsType[*install.SourceError](err); ok {
		text = oneLine(e.Error())
	}
	if e, ok := errors.AsType[*install.DowngradeError](err); ok {
		text = oneLine(e.Error()) + "; to install it all the same: --allow-downgrade"
	}
	c.say(red, text)
}

// unclearAdvisory tells of a published warning that nobody can take into account.
func (c *console) unclearAdvisory(err error) {
	c.say(yellow, "advisories: "+oneLine(err.Error()))
}

// noCatalogNow tells that the catalogue is left out.
func (c *console) noCatalogNow(err error) {
	c.say(yellow, "without the catalogue: "+oneLine(bare(err).Error()))
}

var listColours = map[string]string{"installed": green, "waiting": yellow, "blocked": red, "denied": red, "revoked": red}

// listTable writes the mods of an installation for people.
func (c *console) listTable(all []install.Listed) {
	if len(all) == 0 {
		fmt.Fprintln(c.out, "no mods")
		return
	}
	rows := [][]string{{"MOD", "VERSION", "STATE", "PUBLISHER", "RISK", "MAY USE", "ADVISORIES"}}
	for _, m := range all {
		rows = append(rows, []string{oneLine(m.ID), oneLine(m.Version), m.State, orDash(oneLine(m.Publisher)), fmt.Sprint(m.Risk),
			orDash(oneLine(strings.Join(m.Granted, ","))), orDash(oneLine(strings.Join(m.Advisories, ",")))})
	}
	c.columns(rows, 2, func(column int) bool { return column == 4 }, func(row int) string { return listColours[all[row-1].State] })
	for _, m := range all {
		if m.State != "installed" && len(m.Reasons) > 0 {
			fmt.Fprintln(c.out, c.out.fit(blockedText(m)))
		}
	}
}

// outdatedTable writes for people which mods have newer versions.
func (c *console) outdatedTable(all []install.Outdated) {
	if len(all) == 0 {
		fmt.Fprintln(c.out, "nothing is newer")
		return
	}
	rows := [][]string{{"MOD", "INSTALLED", "UPDATE", "NEWEST", "RANGE"}}
	for _, m := range all {
		rows = append(rows, []string{oneLine(m.ID), m.Installed, m.Allowed, m.Newest, orDash(m.Range)})
	}
	c.columns(rows, 2, func(int) bool { return false }, func(row int) string {
		if all[row-1].Allowed != all[row-1].Installed {
			return green
		}
		return faint
	})
}
