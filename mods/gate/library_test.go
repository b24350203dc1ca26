package gate

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// The library is what a sandbox has that can require modules, and nothing of what is
// said to be absent is there.
func TestLibrary(t *testing.T) {
	var out strings.Builder
	s, err := luasandbox.New(luasandbox.Config{
		Output:  &out,
		Modules: func(string) (string, string, bool) { return "", "", false },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := luasandbox.Compile("list", `
for name, value in pairs(_G) do
  print(name)
  if type(value) == "table" and value ~= _G then
    for member in pairs(value) do print(name .. "." .. member) end
  end
end`, limits.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	var want []string
	for table, names := range library {
		for name := range names {
			want = append(want, strings.TrimPrefix(table+"."+name, "."))
		}
	}
	slices.Sort(want)
	got := strings.Fields(out.String())
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name := range absent {
		if slices.Contains(got, name) {
			t.Errorf("%s is there", name)
		}
	}
}
