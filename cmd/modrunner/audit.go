package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/audit"
)

func newAudit(c *console) *cobra.Command {
	f := auditFlags{}
	cmd := &cobra.Command{
		Use:   "audit [flags] [MOD|FOLDER...]",
		Short: "Look for mods that were warned of, and check audit logs",
		Long: `Hold the mods of an installation, with all that they need and the libraries that
are copied into them, and any other mods that are named, against published
advisories and against what the operator has stopped. For each hit: which version,
since when it is concerned, in which it is mended, and how it came in.

Advisories are files in the OSV format about packages of the ecosystem "modrunner",
in the folder advisories of the installation, and those that its catalogue published;
with --advisories DIR, those in DIR alone. An advisory that is not understood is told, is taken to be about all versions of
the mods that it names, and makes the audit fail. What was stopped is in freezes.toml
of the installation. Of a mod that is named, and is not installed, what it needs is
not looked at unless that is named too.

With --json standard output has one JSON document and nothing else.
  {"status": "ok", "hit", "blocked" or "refused", "error", "mods": N, "libraries": N,
   "advisories": {"count": N, "newest", "days": N, "notes": ["..."],
   "problems": [{"file", "field", "reason"}]}, "freezes": N,
   "hits": [{"mod", "version", "digest", "library", "advisory", "freeze", "severity",
   "summary", "since", "fixed", "unclear", "ways": [["..."]], "blocks"}],
   "not_audited": [{"mod", "needs"}]}

Exit status: 0 nothing that blocks was found; 2 wrong usage; 4 a hit of the severity
of --block or graver, a freeze, an advisory that is not understood, or something that
cannot be read; 128 and the signal's number if interrupted.

"modrunner audit verify" checks the audit log of a host.`,
		Example: `  modrunner audit
  modrunner audit --block high --json
  modrunner audit --advisories advisories mymod library.zip
  modrunner audit verify audit.jsonl`,
		Args: func(_ *cobra.Command, args []string) error { return f.check(args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if end := c.auditMods(cmd.Context(), &f, args); end != allWell {
				return &exitError{end}
			}
			return nil
		},
	}
	f.register(cmd)
	cmd.AddCommand(newAuditVerify(c))
	return cmd
}

func newAuditVerify(c *console) *cobra.Command {
	var head string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [flags] FILE",
		Short: "Find out whether an audit log is as it was written",
		Long: `Find out whether an audit log is as it was written, with all its files: no line
altered, removed, inserted or moved. Each line holds a hash of itself and of the
line before; FILE.head holds that of the last line, so that lines removed at the
end are found too.

Who can write the files can write a new log, with a new head. What cannot be made
again is a head that was kept elsewhere: --head HASH looks for the line that has
it, and takes the place of FILE.head.

With --json standard output has one JSON document and nothing else.
  {"status": "ok", "damaged" or "refused", "reason", "file", "line": N, "want",
   "got", "error", "summary": {"files": N, "first": N, "last": N, "previous", "hash",
   "ahead": N, "begin", "end", "repaired": N, "lost": N, "kinds": {"grant": N},
   "bytes": N}}
The summary of a damaged log is of the lines before the damage.

Exit status: 0 the log is as it was written; 1 it is not; 2 wrong usage; 4 it
cannot be read; 128 and the signal's number if interrupted.`,
		Example: `  modrunner audit verify audit.jsonl
  modrunner audit verify --head 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 audit.jsonl
  modrunner audit verify --json audit.jsonl | jq .summary.kinds`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s named; want one audit log", plural(len(args), "file"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var anchor *audit.Head
			if cmd.Flags().Changed("head") {
				if _, err := hex.DecodeString(head); err != nil || len(head) != 64 {
					return fmt.Errorf("--head %q: want 64 hexadecimal digits", head)
				}
				anchor = &audit.Head{Hash: strings.ToLower(head)}
			}
			if end := c.verifyAudit(cmd.Context(), args[0], anchor, asJSON); end != allWell {
				return &exitError{end}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&head, "head", "", "look for the line with this `HASH`, instead of FILE.head")
	flags.BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	return cmd
}

// auditReport is the JSON document of audit verify.
type auditReport struct {
	Status  string        `json:"status"` // "ok", "damaged" or "refused"
	Reason  audit.Reason  `json:"reason,omitempty"`
	File    string        `json:"file"`
	Line    int64         `json:"line,omitempty"`
	Want    string        `json:"want,omitempty"`
	Got     string        `json:"got,omitempty"`
	Error   string        `json:"error,omitempty"`
	Summary audit.Summary `json:"summary"`
}

// verifyAudit checks the log at path and reports on it.
func (c *console) verifyAudit(ctx context.Context, path string, anchor *audit.Head, asJSON bool) status {
	summary, err := audit.VerifyFileProgress(path, anchor, func(bytes int64) error {
		c.progress.show("%s checked", size(bytes))
		return context.Cause(ctx)
	})
	report := auditReport{Status: "ok", File: jsonText(path), Summary: summary}
	end := allWell
	wrong, damaged := errors.AsType[*audit.VerifyError](err)
	switch {
	case damaged:
		end, report.Status, report.Reason = scriptFailed, "damaged", wrong.Reason
		report.File, report.Line = jsonText(wrong.Path), wrong.Line
		report.Want, report.Got, report.Error = jsonText(wrong.Want), jsonText(wrong.Got), jsonText(err.Error())
		c.damagedAudit(wrong)
	case interruptedBy(ctx) != nil:
		i := interruptedBy(ctx)
		c.interrupted(i.Error())
		return i.status()
	case err != nil:
		end, report.Status, report.Error = notRun, "refused", jsonText(bare(err).Error())
		c.unreadableAudit(path, err)
	}
	switch {
	case asJSON:
		c.writeJSON(report)
	case end == allWell:
		c.passed(path, "")
		c.auditTable(summary)
	}
	return end
}

// auditTable writes for people what a log holds.
func (c *console) auditTable(s audit.Summary) {
	rows := [][2]string{
		{"lines", fmt.Sprintf("%d to %d in %s, %s", s.First, s.Last, plural(s.Files, "file"), size(s.Bytes))},
		{"from", s.Begin.Format(time.RFC3339)},
		{"to", s.End.Format(time.RFC3339)},
		{"head", s.Hash},
	}
	for _, r := range []struct {
		name string
		n    int64
		text string
	}{
		{"ahead", s.Ahead, plural(int(s.Ahead), "line") + " behind the head that was given"},
		{"repaired", s.Repaired, plural(int(s.Repaired), "torn line") + " removed when the log was opened"},
		{"lost", s.Lost, plural(int(s.Lost), "record") + " that could not be written"},
	} {
		if r.n > 0 {
			rows = append(rows, [2]string{r.name, r.text})
		}
	}
	if s.First > 1 {
		rows = append(rows, [2]string{"before", "lines 1 to " + strconv.FormatUint(s.First-1, 10) + " are in files that are not here"})
	}
	fmt.Fprintln(c.out)
	for _, r := range rows {
		fmt.Fprintln(c.out, c.out.fit(fmt.Sprintf("%-8s  %s", r[0], r[1])))
	}
	kinds := [][]string{{"KIND", "RECORDS"}}
	for _, kind := range slices.Sorted(maps.Keys(s.Kinds)) {
		kinds = append(kinds, []string{oneLine(kind), grouped(s.Kinds[kind])})
	}
	columns := widths(kinds)
	fmt.Fprintln(c.out)
	for i, r := range kinds {
		line := fmt.Sprintf("%-*s  %*s", columns[0], r[0], columns[1], r[1])
		if i == 0 {
			line = c.out.paint(bold, line)
		}
		fmt.Fprintln(c.out, line)
	}
}
