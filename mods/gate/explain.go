package gate

import (
	"fmt"
	"strings"
)

// Explain returns a rule's page in Markdown, without a heading: what it finds and why,
// the examples, and how an exception is made.
func Explain(r Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s. %s\n", strings.ToUpper(r.Title[:1])+r.Title[1:], r.Explanation)
	fmt.Fprintf(&b, "\nSeverity: %s.", r.Severity)
	if r.NeedsAPI {
		b.WriteString(" Known only with the API document of the host.")
	}
	b.WriteString("\n\nFlagged:\n\n")
	r.Bad.write(&b)
	b.WriteString("Mended:\n\n")
	r.Good.write(&b)
	if r.Exception {
		fmt.Fprintf(&b, "An exception, in the manifest:\n\n```toml\n[exceptions]\n%s = \"why it is well here\"\n```\n", r.ID)
	} else {
		b.WriteString("No exception can be made.\n")
	}
	return b.String()
}

// write writes the files of an example.
func (e Example) write(b *strings.Builder) {
	if e.Manifest != "" {
		fmt.Fprintf(b, "```toml\n# mod.toml\n%s```\n\n", e.Manifest)
	}
	fmt.Fprintf(b, "```lua\n-- main.lua\n%s```\n\n", shown(e.Lua))
	for _, name := range sortedKeys(e.Files) {
		fmt.Fprintf(b, "```lua\n-- %s\n%s```\n\n", name, shown(e.Files[name]))
	}
	if e.Measured != nil {
		fmt.Fprintf(b, "Measured: %d bytes, %d instructions.\n\n", e.Measured.Memory, e.Measured.Instructions)
	}
}

// shown is a text with what is not seen in it, its lines as they are, and long ones
// cut.
func shown(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = visible(strings.TrimSuffix(line, "\n"))
		if len(line) > 100 {
			line = line[:60] + " ... " + line[len(line)-10:]
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// Page returns the documentation of all rules, in Markdown.
func Page() string {
	var b strings.Builder
	b.WriteString(`# Rules of the static gate

What ` + "`modrunner check`" + ` looks for in a mod before anything of it runs. This page is made from the table of rules; the tests hold its examples.

An error fails the check, a warning does with ` + "`--strict`" + `, a note never does. Of each rule and severity at most ` + fmt.Sprint(MaxOfRule) + ` findings are told of one mod. An author who knows better says why in the manifest, under ` + "`[exceptions]`" + `: the finding is shown with those words, and does not count. They are the author's own words: whoever decides about the mod reads them.

The gate reads what a mod's author wrote, and an author can write so that it finds nothing. It shows mistakes, and what asks for a reason; what holds a mod is the sandbox.

| rule | severity | finds |
|---|---|---|
`)
	for _, r := range rules {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", r.ID, r.ID, r.Severity, r.Title)
	}
	for _, r := range rules {
		fmt.Fprintf(&b, "\n## %s\n\n%s", r.ID, Explain(r))
	}
	return b.String()
}
