// Package sarif writes findings of package gate in the Static Analysis Results
// Interchange Format 2.1.0 (OASIS), which code hosts and editors show at the lines
// that they are about.
package sarif

import (
	"net/url"
	"strings"

	"github.com/luasandbox/modrunner/mods/gate"
)

// Mod is a mod that was checked.
type Mod struct {
	Path     string // of its folder or archive; slash-separated, relative as a rule
	Findings []gate.Finding
	// Refused is why the mod would not be taken by a host, or could not be read, beside
	// the findings: messages for people.
	Refused []string
}

// Log is a SARIF log file: package encoding/json writes it.
type Log struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

type run struct {
	Tool        tool         `json:"tool"`
	Invocations []invocation `json:"invocations"`
	Language    string       `json:"language"`
	Newlines    []string     `json:"newlineSequences"`
	ColumnKind  string       `json:"columnKind"`
	Results     []result     `json:"results"`
}

type tool struct {
	Driver driver `json:"driver"`
}

type driver struct {
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"`
	Language string `json:"language"`
	Rules    []rule `json:"rules"`
}

type rule struct {
	ID                   string        `json:"id"`
	ShortDescription     message       `json:"shortDescription"`
	FullDescription      message       `json:"fullDescription"`
	Help                 message       `json:"help"`
	DefaultConfiguration configuration `json:"defaultConfiguration"`
}

type configuration struct {
	Level string `json:"level"`
}

type message struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type invocation struct {
	ExecutionSuccessful        bool           `json:"executionSuccessful"`
	ToolExecutionNotifications []notification `json:"toolExecutionNotifications,omitempty"`
}

type notification struct {
	Level     string     `json:"level"`
	Message   message    `json:"message"`
	Locations []location `json:"locations"`
}

type result struct {
	RuleID       string        `json:"ruleId"`
	RuleIndex    int           `json:"ruleIndex"`
	Level        string        `json:"level"`
	Message      message       `json:"message"`
	Locations    []location    `json:"locations"`
	Suppressions []suppression `json:"suppressions,omitempty"`
}

type suppression struct {
	Kind          string `json:"kind"`
	Justification string `json:"justification"`
}

type location struct {
	PhysicalLocation physicalLocation `json:"physicalLocation"`
}

type physicalLocation struct {
	ArtifactLocation artifactLocation `json:"artifactLocation"`
	Region           *region          `json:"region,omitempty"`
}

type artifactLocation struct {
	URI string `json:"uri"`
}

type region struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
}

// New returns the log of a check of mods by a version of the tool, "" if that is not
// known. Findings that the manifest justifies are there as suppressed results, with
// the author's words. A mod that would be refused is a notification of the tool; the
// check itself has done its work all the same.
func New(version string, mods []Mod) *Log {
	r := run{
		Tool:        tool{driver{Name: "modrunner check", Version: version, Language: "en", Rules: []rule{}}},
		Language:    "en",
		Newlines:    []string{"\r\n", "\n"},
		Invocations: []invocation{{ExecutionSuccessful: true}},
		ColumnKind:  "unicodeCodePoints",
		Results:     []result{},
	}
	index := map[string]int{}
	for i, g := range gate.Rules() {
		index[g.ID] = i
		text := strings.ReplaceAll(g.Explanation, "`", "")
		r.Tool.Driver.Rules = append(r.Tool.Driver.Rules, rule{
			ID: g.ID, ShortDescription: message{Text: g.Title}, FullDescription: message{Text: text},
			Help:                 message{Text: text, Markdown: gate.Explain(g)},
			DefaultConfiguration: configuration{level(g.Severity)},
		})
	}
	for _, m := range mods {
		for _, f := range m.Findings {
			r.Results = append(r.Results, resultOf(m.Path, f, index))
		}
		for _, why := range m.Refused {
			in := &r.Invocations[0]
			in.ToolExecutionNotifications = append(in.ToolExecutionNotifications, notification{
				Level: "error", Message: message{Text: why}, Locations: []location{{physicalLocation{ArtifactLocation: artifactLocation{address(m.Path)}}}},
			})
		}
	}
	return &Log{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []run{r}}
}

func resultOf(mod string, f gate.Finding, index map[string]int) result {
	out := result{RuleID: f.Rule, RuleIndex: -1, Level: level(f.Severity), Message: message{Text: f.Text()}}
	if i, ok := index[f.Rule]; ok {
		out.RuleIndex = i
	}
	out.Locations = []location{{physicalLocation{
		ArtifactLocation: artifactLocation{address(strings.TrimSuffix(mod, "/") + "/" + f.Path)},
		Region:           &region{f.Line, f.Column},
	}}}
	if f.Justified != "" {
		out.Suppressions = []suppression{{"inSource", f.Justified}}
	}
	return out
}

// level is the word for a severity; for what is none, the gravest.
func level(s gate.Severity) string {
	switch s {
	case gate.Note, gate.Warning:
		return string(s)
	}
	return "error"
}

// address is a path as a URI: relative to where the check was started, or a file's.
func address(path string) string {
	u := url.URL{Path: path}
	if strings.HasPrefix(path, "/") {
		u.Scheme = "file"
	}
	return u.String()
}
