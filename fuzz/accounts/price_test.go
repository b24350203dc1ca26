package accounts

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "record what workloads are charged in testdata/*.golden")

// TestPricesAreRecorded holds what each workload is charged at each size to the
// recording: a price that falls, or rises, fails until -update says that it was meant.
func TestPricesAreRecorded(t *testing.T) {
	if racing {
		t.Skip("nothing in it is concurrent, and it takes ten times as long")
	}
	for _, archive := range archives {
		t.Run(archive, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			fmt.Fprintln(&out, "# instructions and bytes charged for n =", sizes)
			for _, w := range read(t, archive) {
				fmt.Fprintf(&out, "%s:", w.name)
				w.each(t, func(_ int, tr trial) account {
					a := tr.do(t)
					fmt.Fprintf(&out, " %d+%d", a.instructions, a.allocated)
					return a
				})
				fmt.Fprintln(&out)
			}
			file := filepath.Join("testdata", archive+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(out.String(), "\n")); diff != "" {
				t.Errorf("%s (-recorded +charged), go test ./fuzz/accounts -update records:\n%s", file, diff)
			}
		})
	}
}
