package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/policy"
)

func oneMod(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s named; want the id or the digest of one that \"modrunner list\" shows", plural(len(args), "mod"))
	}
	return nil
}

func newApprove(c *console) *cobra.Command {
	var i installation
	var only, without []string
	var note string
	cmd := &cobra.Command{
		Use:   "approve [flags] ID|DIGEST",
		Short: "Say yes to a mod that waits, and install it",
		Long: `Say yes to a mod that waits to be approved, or was denied or revoked. What you said is
on record, with your name and exactly what was granted: these bytes, these
capabilities with these options, these limits. The mod is installed then, with the
mods that waited for it.

Of what a mod can do without (optional = true in its manifest) some can be left out:
--without names it, or --only names all that is granted. The mod then runs and finds
nothing there. An approval never grants what the policy denies.

The JSON document is that of "modrunner install".

Exit status: 0 approved and installed; 1 not all could be written; 2 wrong usage; 4
refused, or others that it needs wait to be approved too.`,
		Example: `  modrunner approve weather
  modrunner approve --without http --note "no network here" weather
  modrunner approve --only storage,events weather`,
		Args: oneMod,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(only) > 0 && len(without) > 0 {
				return errors.New("--only and --without: one of them")
			}
			return exitWith(c.approve(cmd.Context(), &i, args[0], cmd.Flags().Changed("only"), only, without, note))
		},
	}
	i.register(cmd)
	i.registerBy(cmd)
	cmd.Flags().StringSliceVar(&only, "only", nil, "grant these capabilities alone: `CAP,...`")
	cmd.Flags().StringSliceVar(&without, "without", nil, "leave these capabilities out: `CAP,...`")
	cmd.Flags().StringVar(&note, "note", "", "why, a `TEXT` for the record")
	return cmd
}

func (c *console) approve(ctx context.Context, i *installation, name string, exact bool, only, without []string, note string) status {
	home, err := i.open(ctx, c, true)
	if err != nil {
		return c.notInstalled(i, err)
	}
	item, err := home.Review(ctx, name)
	if err != nil {
		return c.notInstalled(i, err)
	}
	if exact {
		for _, capability := range only {
			if !slices.ContainsFunc(item.Review.Request("", true).Permissions, func(p policy.Permission) bool { return p.Capability == capability }) {
				return c.notInstalled(i, &install.AnswerError{ID: item.Review.ID, Capability: capability, What: fmt.Sprintf("it does not ask for %q", capability)})
			}
		}
		for _, p := range item.Review.Permissions {
			if !slices.Contains(only, p.Capability) {
				without = append(without, p.Capability)
			}
		}
	}
	result, err := home.Approve(ctx, item, install.Answer{Approve: true, Without: without, Note: note})
	if err != nil {
		return c.notInstalled(i, err)
	}
	if !i.asJSON {
		c.approved(item, without)
	}
	return c.installed(i, result)
}

func newDeny(c *console) *cobra.Command {
	return newRefusal(c, &cobra.Command{
		Use:   "deny [flags] ID|DIGEST",
		Short: "Say no to a mod",
		Long: `Say no to a mod that waits to be approved, or is installed. That is on record, and is
about these bytes: another version is decided about anew. If it is installed it goes,
with the mods that need it; all of them stay in the installation, and "modrunner
approve" brings them back.

The JSON document is that of "modrunner install".

Exit status: 0 denied; 1 not all could be written; 2 wrong usage; 4 refused.`,
		Example: `  modrunner deny --note "asks for the network" weather`,
	}, (*install.Home).Deny)
}

func newRevoke(c *console) *cobra.Command {
	return newRefusal(c, &cobra.Command{
		Use:   "revoke [flags] ID|DIGEST",
		Short: "Take back the approval of a mod",
		Long: `Take back the approval of a mod, yours or that of the policy. It goes, with the mods
that need it; all of them stay in the installation, and "modrunner approve" brings
them back. No later version of it is taken without asking.

The JSON document is that of "modrunner install".

Exit status: 0 revoked; 1 not all could be written; 2 wrong usage; 4 refused.`,
		Example: `  modrunner revoke --note "see the incident of May" weather`,
	}, (*install.Home).Revoke)
}

// newRefusal completes a command that says no.
func newRefusal(c *console, cmd *cobra.Command, say func(*install.Home, context.Context, string, string) (*install.Result, error)) *cobra.Command {
	var i installation
	var note string
	cmd.Args = oneMod
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		home, err := i.open(cmd.Context(), c, true)
		var result *install.Result
		if err == nil {
			result, err = say(home, cmd.Context(), args[0], note)
		}
		if err != nil {
			return exitWith(c.notInstalled(&i, err))
		}
		if !i.asJSON {
			c.saidNo(args[0], cmd.Name())
		}
		return exitWith(c.installed(&i, result))
	}
	i.register(cmd)
	i.registerBy(cmd)
	cmd.Flags().StringVar(&note, "note", "", "why, a `TEXT` for the record")
	return cmd
}

func newUninstall(c *console) *cobra.Command {
	var i installation
	cmd := &cobra.Command{
		Use:   "uninstall [flags] ID...",
		Short: "Remove mods, and what only they need",
		Long: `Remove mods from an installation, and with them those that nobody asked for and nobody
needs any more. What was said of them stays on record. A mod that another one needs is
not removed.

The JSON document is that of "modrunner install".

Exit status: 0 removed; 1 not all could be written; 2 wrong usage; 4 refused.`,
		Example: `  modrunner uninstall weather`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("nothing was named; want ids of mods that \"modrunner list\" shows")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			home, err := i.open(cmd.Context(), c, false)
			var result *install.Result
			if err == nil {
				result, err = home.Uninstall(cmd.Context(), args...)
			}
			if err != nil {
				return exitWith(c.notInstalled(&i, err))
			}
			return exitWith(c.installed(&i, result))
		},
	}
	i.register(cmd)
	i.registerBy(cmd)
	return cmd
}
