package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/policy/cedar"
	"github.com/luasandbox/modrunner/mods/policy/policytest"
)

const (
	policyWanted  = `a policy, such as "modrunner policy show default" prints`
	testsWanted   = "a table of tests, or of one request, in TOML"
	policyInHome  = "policy.cedar"
	testExtension = ".test.toml"
)

func newPolicy(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Check, test and explain the rules about mods",
		Long: `A policy is a file of rules, in the language Cedar: which mods may be loaded, and what
they are granted, by who signed them, what they ask for, how risky they are and where
they are to run. Without a file the ready-made policy "default" holds.

To write one, begin with a ready-made one and its tests:
  modrunner policy show strict-server >policy.cedar
  modrunner policy show --tests strict-server >policy.test.toml
  modrunner policy test policy.cedar
There are ` + strings.Join(cedar.ReadyNames(), ", ") + `.`,
		Example: `  modrunner policy show single-player
  modrunner policy check policy.cedar
  modrunner policy test policy.cedar
  modrunner policy explain --environment server weather-1.0.0.zip`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q; there are check, explain, show and test", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(c.err)
			_ = cmd.Help() // a stream takes everything
			return &exitError{wrongUsage}
		},
	}
	cmd.AddCommand(newPolicyCheck(c), newPolicyTest(c), newPolicyExplain(c), newPolicyShow(c))
	return cmd
}

// ended is the error of a command that ended so.
func ended(end status) error {
	if end == allWell {
		return nil
	}
	return &exitError{end}
}

func somePolicies(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("nothing was named; want policies: files that end in .cedar")
	}
	return nil
}

func newPolicyCheck(c *console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [flags] FILE.cedar...",
		Short: "Load policies, and say all that is wrong with them",
		Long: `Load policies as the other commands do: the whole of a policy or nothing. What is
wrong is said with its file, line and column, and with what would be right: names and
types that there are not, values that an attribute never has, conditions that exclude
each other, rules without an id.

With --json standard output has one JSON document and nothing else:
  {"policies": [{"file", "status": "ok" or "refused", "name", "rules": [{"id", "line",
   "effect", "message"}], "problems": [{"line", "column", "rule", "error"}]}]}

Exit status: 0 all well; 2 wrong usage; 4 a policy that cannot be loaded.`,
		Example: `  modrunner policy check policy.cedar`,
		Args:    somePolicies,
		RunE: func(_ *cobra.Command, args []string) error {
			end, reports := allWell, []*policyReport{}
			for _, file := range args {
				r := loadPolicy(file)
				reports = append(reports, r)
				if r.err != nil {
					end = notRun
				}
				if !asJSON {
					c.policyChecked(r)
				}
			}
			if asJSON {
				c.writeJSON(map[string]any{"policies": reports})
			}
			return ended(end)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	return cmd
}

// policyReport is what is known of one policy.
type policyReport struct {
	File     string             `json:"file"`
	Status   string             `json:"status"` // "ok" or "refused"; of tests also "failed"
	Name     string             `json:"name,omitempty"`
	Rules    []policyRule       `json:"rules,omitempty"`
	Problems []policyProblem    `json:"problems,omitempty"`
	Tests    []policyTestReport `json:"tests,omitempty"`
	Untested []string           `json:"untested,omitempty"`
	policy   *cedar.Policy
	err      error
	results  []policytest.Result
}

type policyRule struct {
	ID      string `json:"id"`
	Line    int    `json:"line"`
	Effect  string `json:"effect"`
	Message string `json:"message,omitempty"`
}

type policyProblem struct {
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Rule   string `json:"rule,omitempty"`
	Error  string `json:"error"`
}

// loadPolicy loads a policy from a file.
func loadPolicy(file string) *policyReport {
	r := &policyReport{File: file, Status: "ok"}
	data, err := readBytes(file, policyWanted, cedar.MaxBytes)
	if err == nil {
		r.policy, err = cedar.Parse(file, data)
	}
	r.take(err)
	if r.policy != nil {
		r.Name = r.policy.Name()
		for _, rule := range r.policy.Rules() {
			r.Rules = append(r.Rules, policyRule{rule.ID, rule.Line, rule.Effect.String(), rule.Message})
		}
	}
	return r
}

// take notes what is wrong.
func (r *policyReport) take(err error) {
	if err == nil {
		return
	}
	r.Status, r.err = "refused", err
	if e, ok := errors.AsType[*cedar.Error](err); ok {
		for _, p := range e.Problems {
			r.Problems = append(r.Problems, policyProblem{p.Line, p.Column, p.Rule, p.Message})
		}
		return
	}
	r.Problems = append(r.Problems, policyProblem{Error: err.Error()})
}

// readBytes reads a regular file of at most max bytes; of a longer one it reads one
// more, for who checks the length. The error is a *refusal.
func readBytes(path, want string, max int) ([]byte, error) {
	file, err := openRegular(path, want)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, int64(max)+1))
	if err != nil {
		return nil, unreadable(path, want, err)
	}
	return data, nil
}

func newPolicyTest(c *console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test [flags] FILE.cedar...",
		Short: "Hold policies against their tests",
		Long: `Hold each policy against its tests: a table of requests, and of what is to become of
them, in the file beside it that ends in ` + testExtension + ` instead of .cedar. "modrunner policy show
--tests NAME" prints those of a ready-made policy; each kind of test is in them.

  [tests.stranger]
  signature = "unsigned"
  permissions.storage = {risk = "low", options = {quota = "1MiB"}}
  want.decision = "deny"
  want.message = "only mods that were signed"

Said is what differs, and which rules no test has matched. A policy without tests
fails.

With --json standard output has one JSON document and nothing else:
  {"policies": [{"file", "status": "ok", "failed" or "refused", "name", "rules": [...],
   "tests": [{"name", "line", "ok": true or false, "decision", "differences":
   [{"what", "want", "got"}]}], "untested": [ids of rules], "problems": [...]}]}

Exit status: 0 all tests passed; 1 one did not, or there are none; 2 wrong usage; 4 a
policy or a table that cannot be loaded.`,
		Example: `  modrunner policy test policy.cedar
  modrunner policy test --json policies/*.cedar`,
		Args: somePolicies,
		RunE: func(_ *cobra.Command, args []string) error {
			end, reports := allWell, []*policyReport{}
			for _, file := range args {
				r := testPolicy(file)
				reports = append(reports, r)
				switch r.Status {
				case "failed":
					end = max(end, scriptFailed)
				case "refused":
					end = notRun
				}
				if !asJSON {
					c.policyTested(r)
				}
			}
			if asJSON {
				c.writeJSON(map[string]any{"policies": reports})
			}
			return ended(end)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	return cmd
}

type policyTestReport struct {
	Name        string             `json:"name"`
	Line        int                `json:"line"`
	OK          bool               `json:"ok"`
	Decision    string             `json:"decision"`
	Differences []policyDifference `json:"differences,omitempty"`
}

type policyDifference struct {
	What string `json:"what"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// testPolicy loads a policy and holds it against the table beside it.
func testPolicy(file string) *policyReport {
	r := loadPolicy(file)
	if r.err != nil {
		return r
	}
	tests := testsOf(file)
	data, err := readBytes(tests, testsWanted, policytest.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		r.Status, r.err = "failed", untested(tests)
		r.Problems = append(r.Problems, policyProblem{Error: r.err.Error()})
		return r
	}
	var table *policytest.Table
	if err == nil {
		table, err = policytest.Read(tests, data)
	}
	if r.take(err); err != nil {
		return r
	}
	r.results = table.Run(r.policy)
	matched := map[string]bool{}
	for _, result := range r.results {
		report := policyTestReport{Name: result.Name, Line: result.Line, OK: len(result.Differences) == 0, Decision: result.Decision.Effect.String()}
		for _, d := range result.Differences {
			r.Status = "failed"
			report.Differences = append(report.Differences, policyDifference(d))
		}
		r.Tests = append(r.Tests, report)
		e := r.policy.Explain(result.Request)
		for _, j := range append(e.Permissions, e.Mod) {
			for _, o := range j.Outcomes {
				matched[o.Rule.ID] = matched[o.Rule.ID] || o.Matched
			}
		}
	}
	for _, rule := range r.Rules {
		if !matched[rule.ID] {
			r.Untested = append(r.Untested, rule.ID)
		}
	}
	return r
}

// testsOf is the path of the tests of a policy.
func testsOf(file string) string { return strings.TrimSuffix(file, ".cedar") + testExtension }

func newPolicyShow(c *console) *cobra.Command {
	var tests bool
	cmd := &cobra.Command{
		Use:   "show [flags] NAME",
		Short: "Print a ready-made policy",
		Long: `Print a ready-made policy, to read it or to begin from it:
  default        holds where there is no policy: asks about everything risky
  developer      allows everything, for whoever writes mods, on their own machine
  single-player  friendly to one player: mods of people they trust just work
  strict-server  for a server that strangers join: only what was signed, little room

Exit status: 0 all well; 2 wrong usage, or no policy of that name.`,
		Example: `  modrunner policy show strict-server >policy.cedar
  modrunner policy show --tests strict-server >policy.test.toml`,
		ValidArgs: cedar.ReadyNames(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("want one name; there are %s", strings.Join(cedar.ReadyNames(), ", "))
			}
			_, err := cedar.Ready(args[0])
			return err
		},
		RunE: func(_ *cobra.Command, args []string) error {
			text, table, _ := cedar.ReadyText(args[0])
			if tests {
				text = table
			}
			fmt.Fprint(c.out, text)
			return nil
		},
	}
	cmd.Flags().BoolVar(&tests, "tests", false, "print its tests instead")
	return cmd
}
