package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/gate"
)

// ruleIDs returns the ids of all rules.
func ruleIDs() []string {
	var ids []string
	for _, r := range gate.Rules() {
		ids = append(ids, r.ID)
	}
	return ids
}

// listedRule is a rule in the document of check --rules --json.
type listedRule struct {
	ID          string        `json:"id"`
	Severity    gate.Severity `json:"severity"`
	Title       string        `json:"title"`
	Explanation string        `json:"explanation"` // Markdown, with examples
	Exception   bool          `json:"exception"`
}

// listRules writes all rules to standard output.
func (c *console) listRules(asJSON bool) {
	list := []listedRule{}
	rows := [][]string{{"RULE", "SEVERITY", "FINDS"}}
	for _, r := range gate.Rules() {
		list = append(list, listedRule{r.ID, r.Severity, r.Title, gate.Explain(r), r.Exception})
		rows = append(rows, []string{r.ID, string(r.Severity), r.Title})
	}
	if asJSON {
		c.writeJSON(map[string]any{"rules": list})
		return
	}
	c.columns(rows, 1, func(int) bool { return false }, func(row int) string { return severityColours[list[row-1].Severity] })
}

// explainRule writes a rule's page to standard output.
func (c *console) explainRule(id string) {
	r, _ := gate.RuleByID(id)
	fmt.Fprintf(c.out, "%s\n\n%s", c.out.paint(bold, r.ID), gate.Explain(r))
}

// maxMeasured is the length of a report of run, in bytes.
const maxMeasured = 64 << 20

// readMeasured reads what mods took, by their ids, from a report of run in a file, or
// on standard input for "-". The errors: *refusal, *limits.CancelledError.
func (c *console) readMeasured(ctx context.Context, path string) (map[string]*gate.Measured, error) {
	const wanted = `a report of "modrunner run --json"`
	text, err := readSource(ctx, path, wanted, c.in, limits.Limits{Source: maxMeasured})
	if limit, ok := errors.AsType[*limits.Error](err); ok {
		return nil, &refusal{What: path, Reason: size(limit.Asked) + " of report", Want: "at most " + size(limit.Max), Err: err}
	}
	if err != nil {
		return nil, err
	}
	var report struct {
		Mods *[]struct {
			ID           string `json:"id"`
			Memory       int64  `json:"memory_peak_bytes"`
			Instructions int64  `json:"instructions"`
		} `json:"mods"`
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		return nil, &refusal{What: path, Reason: err.Error(), Want: wanted, Err: err}
	}
	if report.Mods == nil {
		return nil, &refusal{What: path, Reason: "has no mods", Want: wanted}
	}
	measured := map[string]*gate.Measured{}
	for _, m := range *report.Mods {
		if m.ID != "" {
			measured[m.ID] = &gate.Measured{Memory: m.Memory, Instructions: m.Instructions}
		}
	}
	return measured, nil
}
