package sarif_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	report "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/gate/sarif"
)

// validate holds a document against the schema of SARIF 2.1.0.
func validate(t *testing.T, document []byte) error {
	t.Helper()
	r, err := report.FromBytes(document)
	if err != nil {
		return err
	}
	return r.Validate()
}

func document(t *testing.T, mods ...sarif.Mod) []byte {
	t.Helper()
	text, err := json.Marshal(sarif.New("1.2.3", mods))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var findings = []gate.Finding{
	{Rule: "endless-loop", Severity: gate.Error, Path: "a b/ü%.lua", Line: 3, Column: 7, Message: "m", Suggestion: "s"},
	{Rule: "obfuscation", Severity: gate.Warning, Path: "main.lua", Line: 1, Column: 1, Message: "m", Justified: "it is \u202e art"},
	{Rule: "of a later version", Severity: "dire", Path: "main.lua", Line: 1, Column: 1, Message: "m", Omitted: 3},
}

// All that is written is valid, and says what was found.
func TestSchema(t *testing.T) {
	text := document(t, sarif.Mod{Path: "mods/x", Findings: findings, Refused: []string{"there is no manifest"}}, sarif.Mod{Path: "/abs/y.zip"})
	if err := validate(t, text); err != nil {
		t.Fatal(err)
	}
	if err := validate(t, document(t)); err != nil {
		t.Fatal(err)
	}
	// Nothing is there that the format does not have.
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&report.Report{}); err != nil {
		t.Error(err)
	}
	r, _ := report.FromBytes(text)
	run := r.Runs[0]
	if len(run.Results) != 3 || len(run.Tool.Driver.Rules) != len(gate.Rules()) {
		t.Fatalf("%d results, %d rules", len(run.Results), len(run.Tool.Driver.Rules))
	}
	first := run.Results[0]
	at := first.Locations[0].PhysicalLocation
	if *at.ArtifactLocation.URI != "mods/x/a%20b/%C3%BC%25.lua" || *at.Region.StartLine != 3 || *at.Region.StartColumn != 7 ||
		first.Level != "error" || *first.Message.Text != "m; s" || *run.Tool.Driver.Rules[first.RuleIndex].ID != "endless-loop" {
		t.Errorf("%s", text)
	}
	if s := run.Results[1].Suppressions; len(s) != 1 || *s[0].Justification != "it is \u202e art" || len(first.Suppressions) != 0 {
		t.Errorf("the suppressions are %v", s)
	}
	if run.Results[2].Level != "error" || !strings.Contains(*run.Results[2].Message.Text, "3 more") {
		t.Errorf("%+v", run.Results[2])
	}
	if n := run.Invocations[0].ToolExecutionNotifications; len(n) != 1 || *n[0].Message.Text != "there is no manifest" {
		t.Errorf("%s", text)
	}
}

// The schema refuses what is wrong: or else the test above shows nothing.
func TestSchemaRefuses(t *testing.T) {
	text := string(document(t, sarif.Mod{Path: "x", Findings: findings}))
	for _, change := range [][2]string{
		{`"level":"error"`, `"level":"grave"`}, {`"startLine":3`, `"startLine":0`}, {`"version":"2.1.0"`, `"version":"2.2.0"`},
		{`"kind":"inSource"`, `"kind":"said"`},
	} {
		bad := strings.Replace(text, change[0], change[1], 1)
		if bad == text {
			t.Errorf("%s is not there", change[0])
		} else if validate(t, []byte(bad)) == nil {
			t.Errorf("%s is valid", change[1])
		}
	}
}
