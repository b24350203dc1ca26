package stdlib

import (
	"fmt"
	"strings"
)

// compatibilityPage writes COMPATIBILITY.md from the ledger.
func compatibilityPage() string {
	var b strings.Builder
	b.WriteString(`# Compatibility with Lua 5.1

<!-- Made from the ledger by go generate ./stdlib. Do not edit. -->

Every function of C Lua 5.1.5's library has a row. "full": the same results and
the same error messages. "differs": present, and the last column says what is
not the same and why. "absent": reading it gives nil. "Charge" is what a call
costs besides the call itself, in instructions, taken before the work; the names
are those of limits/prices.go and stdlib/prices.go. What a result's memory costs
is not repeated in each row.

What was compared is what Debian's lua5.1 printed: testdata/oracle has the
scripts and the recordings.

## What holds for all of them

- The end of a budget (instructions, memory, time, output) is no Lua error: no
  pcall, xpcall or coroutine catches it.
- Numbers given where C Lua wants an int are cut as on x86-64, on every processor:
  modulo 2^32, and to 0 where they do not fit 64 bits.
- The sign of NaN is not kept: it is whatever the processor makes it in C Lua.
- Strings compare by their bytes, as C Lua does in the C locale.
- Objects are shown with small numbers, given in the order in which they are first
  shown or used as keys, and not with addresses.
- Methods of strings are those of the library, whatever a script does to the table
  string; functions that a script adds to it are methods too.
- A library's tables are a sandbox's own: a script may change them for itself.

`)
	absentRows := false
	library := "\x00"
	for _, e := range ledger() {
		if e.status == absent && !absentRows {
			absentRows = true
			b.WriteString("\n## Absent\n\n| function | why |\n|---|---|\n")
		}
		if absentRows {
			fmt.Fprintf(&b, "| `%s` | %s |\n", e.path(), escapeCell(e.note))
			continue
		}
		if e.library != library {
			library = e.library
			title := library
			if title == "" {
				title = "Base"
			}
			fmt.Fprintf(&b, "\n## %s\n\n| function | status | charge | what differs |\n|---|---|---|---|\n", title)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", e.path(), e.status, escapeCell(e.charge), escapeCell(e.note))
	}
	return b.String()
}

func escapeCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
