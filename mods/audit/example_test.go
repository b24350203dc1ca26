package audit_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/audit"
)

func Example() {
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "audit.jsonl")

	log, err := audit.Open(path, audit.Options{})
	if err != nil {
		panic(err)
	}
	for _, capability := range []string{"storage", "http"} {
		if err := log.Append(audit.Record{
			Time: time.Now(), Kind: "grant", Mod: "weather", Version: "1.2.0",
			Attrs: []slog.Attr{slog.String("capability", capability)},
		}); err != nil {
			panic(err)
		}
	}
	if err := log.Close(); err != nil {
		panic(err)
	}
	summary, err := audit.VerifyFile(path, nil)
	fmt.Println(summary.Kinds["grant"], "grants,", err)

	// Somebody would rather not have been granted that.
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "http", "json", 1)), 0o600); err != nil {
		panic(err)
	}
	_, err = audit.VerifyFile(path, nil)
	if wrong, ok := errors.AsType[*audit.VerifyError](err); ok {
		fmt.Println("line", wrong.Line, wrong.Reason)
	}
	// Output:
	// 2 grants, <nil>
	// line 3 altered
}
