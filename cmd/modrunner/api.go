package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
)

func newAPI(c *console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "api [flags]",
		Short: "List what run offers to mods",
		Long: `List what "modrunner run" offers to mods: the hooks that they may have, the events
that there are, and the capabilities that a manifest may ask for under [permissions],
with their options, and the functions that scripts then find.

A function that "waits" makes the part of the mod that calls it wait for the answer,
while the game goes on.

With --json standard output has the API document, as mods.Host.API writes it for a
game of yours too, and "modrunner check --api FILE" reads it.
  {"api_version", "hooks": [{"name", "params", "doc"}],
   "events": [{"name", "doc", "overflow", "key"}],
   "capabilities": [{"name", "version", "table", "doc", "risk", "deprecated", "flag",
     "sensitive", "allowed", "io",
     "options": [{"name", "type", "doc", "required", "default", "min", "max", "choices"}],
     "schema": {"grants": [...], "records": [...]}}]}

Exit status: 0 all well; 2 wrong usage.`,
		Example: `  modrunner api
  modrunner api --json >api.json
  modrunner api --json | jq '.capabilities[] | [.name, .version, .risk]'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%q: there is nothing to name", args[0])
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			text, err := offeredAPI()
			if err != nil {
				c.refused(err)
				return &exitError{notRun}
			}
			if asJSON {
				_, _ = c.out.Write(append(safeJSON(text), '\n')) // a stream takes everything
				return nil
			}
			doc, err := readAPI(text)
			if err != nil {
				c.refused(err)
				return &exitError{notRun}
			}
			c.listAPI(doc)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the API document to standard output")
	return cmd
}

// offeredAPI returns the API document of a run with all flags that offer something.
func offeredAPI() ([]byte, error) {
	host, err := mods.Open(mods.Config{Policy: mods.PolicyAll, Events: gameEvents, Capabilities: offerAll()})
	if err != nil {
		return nil, err
	}
	defer host.Close()
	return host.API()
}

// offeredNames returns the names of what mods can be allowed, for completions; none
// if they cannot be known.
func offeredNames() []string {
	text, err := offeredAPI()
	if err != nil {
		return nil
	}
	doc, err := readAPI(text)
	if err != nil {
		return nil
	}
	var names []string
	for _, c := range doc.Capabilities {
		if !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// apiListing is what is shown of an API document.
type apiListing struct {
	APIVersion string `json:"api_version"`
	Hooks      []struct {
		Name, Doc string
		Params    []string
	}
	Events       []mods.Event
	Capabilities []apiListed
}

// apiListed is one capability in it.
type apiListed struct {
	Name, Version, Doc string
	Risk               mods.Risk
	Options            []mods.Option
	Schema             struct {
		Grants []struct {
			Name      string
			Functions []apiFunction
			Values    []struct{ Name, Doc string }
		}
	}
}

// apiFunction is one function of a capability.
type apiFunction struct {
	Name, Doc string
	Later     bool
	Params    []struct {
		Name               string
		Optional, Variadic bool
	}
	Results []struct{ Name string }
}

// readAPI reads a document of ours.
func readAPI(text []byte) (*apiListing, error) {
	doc := &apiListing{}
	return doc, json.Unmarshal(text, doc)
}

// listAPI writes an API document for people.
func (c *console) listAPI(doc *apiListing) {
	title := func(text string) { fmt.Fprintln(c.out, c.out.paint(bold, text)) }
	line := func(indent int, format string, args ...any) {
		if text := oneLine(fmt.Sprintf(format, args...)); text != "" {
			fmt.Fprintln(c.out, c.out.fit(strings.Repeat(" ", indent)+text))
		}
	}
	title("HOOKS of the table that the main file returns (API " + doc.APIVersion + ")")
	for _, h := range doc.Hooks {
		line(2, "%s(%s)", h.Name, strings.Join(h.Params, ", "))
		line(6, "%s", h.Doc)
	}
	fmt.Fprintln(c.out)
	title("EVENTS for events.on")
	for _, e := range doc.Events {
		line(2, "%s", e.Name)
		line(6, "%s", e.Doc)
	}
	fmt.Fprintln(c.out)
	title("CAPABILITIES for [permissions]")
	rows := [][]string{{"NAME", "VERSION", "RISK", ""}}
	for _, l := range doc.Capabilities {
		row := []string{l.Name, l.Version, string(l.Risk), ""}
		if flag := offeringFlags[l.Name]; flag != "" {
			row[3] = "with " + flag
		}
		rows = append(rows, row)
	}
	columns := widths(rows)
	for _, row := range rows {
		text := ""
		for i, cell := range row {
			text += fmt.Sprintf("%-*s  ", columns[i], cell)
		}
		line(2, "%s", strings.TrimRight(text, " "))
	}
	for _, l := range doc.Capabilities {
		fmt.Fprintln(c.out)
		title(l.Name + " " + l.Version)
		line(2, "%s", l.Doc)
		for _, o := range l.Options {
			line(2, "option %s: %s", o.Name, optionForm(o))
			line(6, "%s", o.Doc)
		}
		for _, g := range l.Schema.Grants {
			for _, v := range g.Values {
				line(2, "%s.%s", g.Name, v.Name)
				line(6, "%s", v.Doc)
			}
			for _, f := range g.Functions {
				line(2, "%s.%s", g.Name, f)
				line(6, "%s", f.Doc)
			}
		}
	}
}

// String is how the function is called: "get(key [, fallback]) -> value, waits".
func (f apiFunction) String() string {
	var b strings.Builder
	b.WriteString(f.Name + "(")
	open := 0
	for i, p := range f.Params {
		if p.Optional {
			b.WriteString(map[bool]string{true: "[", false: " ["}[i == 0])
			open++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name)
		if p.Variadic {
			b.WriteString("...")
		}
	}
	b.WriteString(strings.Repeat("]", open) + ")")
	for i, r := range f.Results {
		b.WriteString(map[bool]string{true: " -> ", false: ", "}[i == 0] + r.Name)
	}
	if f.Later {
		b.WriteString("; waits")
	}
	return b.String()
}

// optionForm words what an option can be.
func optionForm(o mods.Option) string {
	form := string(o.Type)
	show := func(v any) string {
		if n, ok := v.(float64); ok {
			if o.Type == mods.SizeOption {
				return limits.FormatSize(int64(n))
			}
			return strconv.FormatFloat(n, 'f', -1, 64)
		}
		text, err := json.Marshal(v)
		if err != nil {
			return "?"
		}
		return string(text)
	}
	if o.Required {
		form += ", required"
	}
	if len(o.Choices) > 0 {
		form += ", of " + strings.Join(o.Choices, ", ")
	}
	if o.Min != 0 || o.Max != 0 {
		form += ", from " + show(o.Min) + " to " + show(o.Max)
	}
	if o.Default != nil {
		form += " (default " + show(o.Default) + ")"
	}
	return form
}
