package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
)

func TestLimitFlags(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want limits.Limits
	}{
		{nil, limits.Limits{}},
		{[]string{"--instructions", "5", "--memory", "1.5MiB", "--time", "1m30s"},
			limits.Limits{Instructions: 5, Memory: 3 << 19, Time: 90 * time.Second}},
		{[]string{"--instructions=unlimited", "--memory=unlimited", "--time=unlimited"},
			limits.Limits{Instructions: limits.Unlimited, Memory: limits.Unlimited, Time: limits.UnlimitedTime}},
		{[]string{"--limit", "depth=3", "--limit", "output=4kB", "--limit", "depth=4"},
			limits.Limits{Depth: 4, Output: 4000}},
		{[]string{"--limit", "time=2s", "--time", "3s"}, limits.Limits{Time: 3 * time.Second}},
	} {
		var f limitFlags
		cmd := &cobra.Command{}
		f.register(cmd, "in all", limits.Defaults())
		if err := cmd.ParseFlags(tt.args); err != nil {
			t.Errorf("%q: %v", tt.args, err)
		}
		if diff := cmp.Diff(tt.want, f.limits); diff != "" {
			t.Errorf("%q: %s", tt.args, diff)
		}
	}
}

// Every limit has a value that can be set, a line in the help and words for the
// message, and none can be set to nothing.
func TestEveryLimit(t *testing.T) {
	for _, kind := range limits.Kinds() {
		good := map[bool]string{true: "2s", false: "2"}[kind == limits.Time]
		if n, err := parseLimit(kind, good); err != nil || n <= 0 {
			t.Errorf("%s=%s: %d, %v", kind, good, n, err)
		}
		for _, bad := range []string{"0", "0s", "-1", "-1s", "", " 1", "nothing", "99999999999999999999", "Unlimited"} {
			if n, err := parseLimit(kind, bad); err == nil {
				t.Errorf("%s=%q is taken for %d", kind, bad, n)
			}
		}
		if limitMeanings[kind] == "" || limitNames[kind] == "" {
			t.Errorf("no words for %s", kind)
		}
	}
}
