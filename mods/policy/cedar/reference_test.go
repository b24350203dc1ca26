package cedar

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write REFERENCE.md")

// reference is the text of REFERENCE.md.
func reference() string {
	var b strings.Builder
	b.WriteString(`# What rules may look at

All of it: a name that is not here is refused when the policy is loaded. The table is made from the one that the program checks with (` + "`go test -run TestReference -update`" + `).

A text is compared with ` + "`==`, `!=` and `like \"a*\"`, or with several as in `[\"a\", \"b\"].contains(context.publisher)`" + `; a number with ` + "`==`, `!=`, `<`, `<=`, `>`, `>=`" + `; texts (a set of them) with ` + "`.contains(\"a\")`, `.containsAll([...])`, `.containsAny([...])` and `.isEmpty()`" + `; a flag stands for itself. Conditions are joined with ` + "`&&`, `||`, `!` and `if ... then ... else ...`" + `.

`)
	section := func(title, text, prefix string) {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n| name | type | values | meaning |\n|---|---|---|---|\n", title, text)
		for _, a := range attributes {
			if !strings.HasPrefix(a.path, prefix+".") {
				continue
			}
			values := ""
			switch {
			case a.words != nil:
				values = "`" + strings.Join(a.words, "`, `") + "`"
			case a.typ == numberType && a.max <= 100:
				values = fmt.Sprintf("%d to %d", a.min, a.max)
			case a.typ == numberType:
				values = fmt.Sprintf("from %d", a.min)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", a.path, a.typ, values, a.doc)
		}
		b.WriteString("\n")
	}
	section("The mod", "The principal of both actions. `principal == Mod::\"id\"` in the head of a rule means one mod, `principal in Publisher::\"name\"` all that a publisher signed, in the name that the trust store has for them, with a key that may sign that id.", "principal")
	section("The capability", "The resource of `Action::\"grant\"`; of `Action::\"load\"` it is the host, of which there is nothing to know.", "resource")
	b.WriteString("The options of the request stand in groups by their type, because each game has its own. A rule that looks at one says first that it is there: `resource.count has quota && resource.count.quota > 65536`. If the request has the option as something else than the group says, the rule denies.\n\n| group | type of its options | meaning |\n|---|---|---|\n")
	for _, g := range optionGroups {
		fmt.Fprintf(&b, "| `resource.%s` | %s | %s |\n", g.name, g.typ, g.doc)
	}
	b.WriteString("\n")
	section("Everything else", "The same for both actions.", "context")
	b.WriteString(`## Annotations

| annotation | on | meaning |
|---|---|---|
| ` + "`@id(\"name\")`" + ` | every rule | Its name in records and messages: small letters, digits, ` + "`.`, `_`, `-`" + `. |
| ` + "`@message(\"...\")`" + ` | any rule | Why, for whom the decision is about. |
| ` + "`@ask(\"...\")`" + ` | permit | A person has to confirm; the text says what is to be thought about. |
| ` + "`@clamp(\"memory=16MiB, time=50ms\")`" + ` | permit of ` + "`Action::\"load\"`" + ` | With these limits, or less: ` + strings.Join(limitNames(), ", ") + `. |
| ` + "`@clamp(\"quota=64KiB\")`" + ` | permit of ` + "`Action::\"grant\"`" + ` | With these options at most: counts, sizes and numbers. |

## Bounds

`)
	fmt.Fprintf(&b, "A file of at most %d KiB and %d rules; a rule of at most %d words and signs, with brackets at most %d deep; a text of at most %d bytes, on one line, without characters that cannot be seen.\n", MaxBytes>>10, MaxRules, maxRuleTokens, maxNesting, maxText)
	return b.String()
}

func TestReference(t *testing.T) {
	const file = "REFERENCE.md"
	want := reference()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the table says (%v); go test -run TestReference -update", file, err)
	}
}
