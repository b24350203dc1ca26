package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/policy/cedar"
	"github.com/luasandbox/modrunner/mods/policy/policytest"
	"github.com/luasandbox/modrunner/mods/review"
)

// explainFlags are those of policy explain.
type explainFlags struct {
	home                        homeFlag
	policy, trust, api, request string
	environment                 string
	interactive, asJSON         bool
}

func newPolicyExplain(c *console) *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain [flags] MOD | --request FILE",
		Short: "Say which rule decides what about a mod",
		Long: `Say what the rules make of a mod, and which rule said what: of the mod as a whole, and
of each capability that it asks for. Nothing of the mod is run, and nothing is changed.

The policy is the FILE of --policy, or a ready-made one by its name (default,
developer, single-player, strict-server); without it, policy.cedar of the installation,
and if there is none, "default". MOD is an archive or a folder; what is known of it is
found out with the trust store (--trust, or that of the installation) and with what
"modrunner run" offers, or --api FILE, the API document of a game; advisories and
freezes of the installation count, and what was approved before does not. With --request nothing is found out:
FILE says it, in TOML, as one test does.

With --json standard output has one JSON document and nothing else:
  {"policy", "id", "version", "decision", "reasons": [...], "limits": {...},
   "mod": {"effect", "message", "rules": [{"rule", "effect", "result": "decides",
   "matches", "no" or "fails", "error"}]}, "permissions": [the same with "capability",
   "granted", "asked": {...}, "options": {...}]}

Exit status: 0 it is explained, whatever was decided; 2 wrong usage; 4 the policy, the
mod or another file cannot be taken.`,
		Example: `  modrunner policy explain weather-1.0.0.zip
  modrunner policy explain --policy strict-server --environment server mymod
  modrunner policy explain --policy policy.cedar --request request.toml`,
		Args: func(_ *cobra.Command, args []string) error {
			if (len(args) == 1) == (f.request != "") || len(args) > 1 {
				return errors.New("want one mod, or --request FILE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("environment") && f.environment == "" {
				return errors.New("--environment: want a word, such as server")
			}
			rules, r, approval, err := c.toExplain(cmd.Context(), &f, args)
			if err != nil {
				c.notExplained(err)
				return &exitError{notRun}
			}
			report := explained(rules, r, approval)
			if f.asJSON {
				c.writeJSON(report)
			} else {
				c.explainPolicy(report)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.policy, "policy", "", "the policy: a `FILE`, or the name of a ready-made one (default policy.cedar\nof the installation, or else default)")
	flags.StringVar(&f.environment, "environment", "player", "where it is to run: a `WORD` such as server, player, development, ci")
	flags.BoolVar(&f.interactive, "interactive", false, "as if there were a person who can answer")
	flags.StringVar(&f.request, "request", "", "explain what is made of the request in a `FILE`, without a mod")
	flags.StringVar(&f.trust, "trust", "", "the trust store: a `FILE` (default trust.toml of the installation)")
	flags.StringVar(&f.api, "api", "", "what the game offers: a `FILE` with its API document (default: what run offers)")
	f.home.register(cmd)
	flags.BoolVar(&f.asJSON, "json", false, "write one JSON document to standard output")
	_ = cmd.MarkFlagFilename("policy", "cedar")
	_ = cmd.MarkFlagFilename("request", "toml")
	_ = cmd.MarkFlagFilename("trust", "toml")
	_ = cmd.MarkFlagFilename("api", "json")
	return cmd
}

// toExplain reads what is to be explained.
func (c *console) toExplain(ctx context.Context, f *explainFlags, args []string) (*cedar.Policy, policy.Request, *policy.Approval, error) {
	rules, err := policyNamed(f.policy, f.home.file(policyInHome))
	if err != nil {
		return nil, policy.Request{}, nil, err
	}
	if f.request != "" {
		data, err := readBytes(f.request, testsWanted, policytest.MaxBytes)
		if err != nil {
			return nil, policy.Request{}, nil, err
		}
		r, approval, err := policytest.ReadRequest(f.request, data)
		return rules, r, approval, err
	}
	r, err := c.requestOf(ctx, f, args[0])
	return rules, r, nil, err
}

// policyNamed loads the policy that a person names: a ready-made one, or a file; without
// a name the one of the installation, and the default if there is none.
func policyNamed(name, home string) (*cedar.Policy, error) {
	switch {
	case slices.Contains(cedar.ReadyNames(), name):
		return cedar.Ready(name)
	case name == "":
		if _, err := os.Lstat(home); errors.Is(err, fs.ErrNotExist) {
			return cedar.Default(), nil
		}
		name = home
	}
	r := loadPolicy(name)
	return r.policy, r.err
}

// requestOf reviews a mod.
func (c *console) requestOf(ctx context.Context, f *explainFlags, path string) (policy.Request, error) {
	var none policy.Request
	var game *apiDocument
	var err error
	if f.api != "" {
		if game, err = c.readAPIFile(ctx, f.api); err != nil {
			return none, err
		}
	}
	api, err := game.forGate()
	if err != nil {
		return none, err
	}
	_, in, err := f.home.facts(ctx, f.trust, api)
	if err != nil {
		return none, err
	}
	if in.Bundle, err = bundle.OpenPath(path, bundle.Limits{}); err != nil {
		return none, err
	}
	known, err := review.Of(in)
	if err != nil {
		return none, err
	}
	return known.Request(f.environment, f.interactive), nil
}

// explanation is the JSON document of policy explain.
type explanation struct {
	Policy      string           `json:"policy"`
	ID          string           `json:"id"`
	Version     string           `json:"version"`
	Decision    string           `json:"decision"`
	Reasons     []string         `json:"reasons"`
	Limits      map[string]int64 `json:"limits"`
	Mod         explainedRuling  `json:"mod"`
	Permissions []explainedGrant `json:"permissions"`
}

type explainedRuling struct {
	Effect  string             `json:"effect"`
	Message string             `json:"message,omitempty"`
	Rules   []explainedOutcome `json:"rules"`
}

type explainedGrant struct {
	Capability string `json:"capability"`
	explainedRuling
	Granted bool           `json:"granted"`
	Asked   map[string]any `json:"asked,omitempty"`
	Options map[string]any `json:"options,omitempty"`
}

type explainedOutcome struct {
	Rule   string `json:"rule"` // file:line:id
	Effect string `json:"effect"`
	Result string `json:"result"`
	Error  string `json:"error,omitempty"`
}

// explained says what the rules make of a request, and which said what.
func explained(rules *cedar.Policy, r policy.Request, approval *policy.Approval) explanation {
	d, e := policy.Decide(r, rules, approval), rules.Explain(r)
	out := explanation{Policy: d.Rules, ID: r.ID, Version: r.Version, Decision: d.Effect.String(), Reasons: append([]string{}, d.Reasons...),
		Limits: map[string]int64{}, Mod: explainedAs(e.Mod), Permissions: []explainedGrant{}}
	for _, kind := range limits.Kinds() {
		if n := d.Limits.Of(kind); n != 0 {
			out.Limits[kind.String()] = n
		}
	}
	for i, j := range e.Permissions {
		g := explainedGrant{Capability: j.Ruling.Capability, explainedRuling: explainedAs(j)}
		if i < len(d.Permissions) {
			p := d.Permissions[i]
			g.Granted, g.Asked = p.Granted && d.Runs(), finite(p.Permission.Options)
			if p.Granted {
				g.Options = finite(p.Options)
			}
		}
		out.Permissions = append(out.Permissions, g)
	}
	return out
}

// finite returns options that JSON can hold: it has no numbers without end.
func finite(options map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range options {
		if f, ok := value.(float64); ok && (f != f || f-f != 0) {
			value = fmt.Sprint(f)
		}
		out[name] = value
	}
	return out
}

func explainedAs(j cedar.Judgement) explainedRuling {
	out := explainedRuling{Effect: j.Ruling.Effect.String(), Message: j.Ruling.Message, Rules: []explainedOutcome{}}
	for _, o := range j.Outcomes {
		one := explainedOutcome{Rule: o.Rule.Name, Effect: o.Rule.Effect.String(), Result: "no"}
		switch {
		case o.Err != nil:
			one.Result, one.Error = "fails", o.Err.Error()
		case slices.Contains(j.Ruling.Rules, o.Rule.Name):
			one.Result = "decides"
		case o.Matched:
			one.Result = "matches"
		}
		out.Rules = append(out.Rules, one)
	}
	return out
}
