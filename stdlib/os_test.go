package stdlib

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
)

func TestClock(t *testing.T) {
	t.Run("the host's", func(t *testing.T) {
		o := Options{Clock: func() time.Duration { return 1500 * time.Millisecond }}
		got, err := evaluate(t, newMachine(t, limits.Limits{}, o), "return os.clock()")
		if diff := cmp.Diff([]string{"1.5"}, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
	t.Run("from the instructions", func(t *testing.T) {
		text := "local a = os.clock() for i = 1, 1e6 do end local b = os.clock() return b - a >= 0.01 and b - a < 0.1, b"
		first, err := evaluate(t, newMachine(t, limits.Limits{}, Options{}), text)
		if err != nil || first[0] != "true" {
			t.Fatalf("%q, %v", first, err)
		}
		again, _ := evaluate(t, newMachine(t, limits.Limits{}, Options{}), text)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("another run tells another time:\n%s", diff)
		}
	})
	t.Run("goes on from call to call", func(t *testing.T) {
		m := newMachine(t, limits.Limits{}, Options{})
		if _, err := evaluate(t, m, "for i = 1, 1e6 do end before = os.clock()"); err != nil {
			t.Fatal(err)
		}
		got, err := evaluate(t, m, "return os.clock() > before")
		if diff := cmp.Diff([]string{"true"}, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}

func TestTimeIsTheHosts(t *testing.T) {
	runEvalTests(t, limits.Limits{}, Options{}, []evalTest{
		{"no clock", "return os.time(), os.date('%Y-%m-%d %H:%M:%S %Z')", []string{"946684800", "2000-01-01 00:00:00 UTC"}},
	})
	zone := time.FixedZone("TST", 2*60*60)
	now := func() time.Time { return time.Date(2024, 2, 29, 23, 30, 1, 999, time.UTC) }
	runEvalTests(t, limits.Limits{}, Options{Now: now, Location: zone}, []evalTest{
		{"time", "return os.time() - 1709249401", []string{"0"}},
		{"date", "return os.date('%c %z %Z')", []string{"Fri Mar  1 01:30:01 2024 +0200 TST"}},
		{"date in UTC", "return os.date('!%c %z %Z')", []string{"Thu Feb 29 23:30:01 2024 +0000 GMT"}},
		{"table", "local d = os.date('*t') return d.day, d.hour, d.isdst", []string{"1", "1", "false"}},
		{"and back", "return os.time(os.date('*t')) == os.time()", []string{"true"}},
		{"local fields", "return os.time{year = 2024, month = 3, day = 1, hour = 1, min = 30, sec = 1} == os.time()", []string{"true"}},
	})
}

func TestDaylightSaving(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones: ", err)
	}
	// What C Lua says with TZ=Europe/Berlin.
	runEvalTests(t, limits.Limits{}, Options{Location: berlin}, []evalTest{
		{"winter", "return os.date('%Z %z', 1704067200), os.date('*t', 1704067200).isdst", []string{"CET +0100", "false"}},
		{"summer", "return os.date('%Z %z', 1719792000), os.date('*t', 1719792000).isdst", []string{"CEST +0200", "true"}},
		{"summer time", "return os.time{year=2024, month=7, day=1, hour=2} - 1719792000", []string{"0"}},
		{"said to be summer", "return os.time{year=2024, month=7, day=1, hour=2, isdst=true} - 1719792000", []string{"0"}},
		{"said not to be", "return os.time{year=2024, month=7, day=1, hour=2, isdst=false} - 1719792000", []string{"3600"}},
		{"winter said to be summer", "return os.time{year=2024, month=1, day=1, hour=1, isdst=true} - 1704067200", []string{"-3600"}},
		{"there and back", "for s = 1704067200, 1735689600, 43200 do if os.time(os.date('*t', s)) ~= s then return s end end return 'all'", []string{"all"}},
	})
}
