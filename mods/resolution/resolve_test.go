package resolution_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/resolution"
)

// universe reads a table of versions, a line for each:
//
//	weather 1.4.0: needs ledger ^1, takes storms ^2, not old *, after menu *, copies json ^1, api ^2, yanked, library
func universe(t testing.TB, text string) resolution.Set {
	t.Helper()
	set, err := readUniverse(text)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func readUniverse(text string) (resolution.Set, error) {
	set := resolution.Set{}
	for line := range strings.Lines(text) {
		head, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		if head == "" {
			continue
		}
		id, text, _ := strings.Cut(head, " ")
		version, err := semver.StrictNewVersion(text)
		if err != nil {
			return nil, err
		}
		c := resolution.Candidate{Version: version}
		for part := range strings.SplitSeq(rest, ",") {
			word, what, _ := strings.Cut(strings.TrimSpace(part), " ")
			list := map[string]*[]manifest.Requirement{
				"needs": &c.Dependencies, "takes": &c.Optional, "not": &c.Conflicts, "after": &c.LoadAfter, "copies": &c.Libraries,
			}[word]
			switch {
			case list != nil:
				wants, err := readWants(what)
				if err != nil {
					return nil, err
				}
				*list = append(*list, wants...)
			case word == "api":
				wants, err := readWants("api " + what)
				if err != nil {
					return nil, err
				}
				c.API = wants[0].Range
			case word == "yanked":
				c.Yanked = true
			case word == "library":
				c.Library = true
			case word != "":
				return nil, fmt.Errorf("%q in %q", word, line)
			}
		}
		set[id] = append(set[id], c)
	}
	return set, nil
}

func want(t testing.TB, text string) []manifest.Requirement {
	t.Helper()
	list, err := readWants(text)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// readWants reads "weather ^1, ledger *".
func readWants(text string) ([]manifest.Requirement, error) {
	var list []manifest.Requirement
	for part := range strings.SplitSeq(text, ",") {
		id, text, _ := strings.Cut(strings.TrimSpace(part), " ")
		c, err := semver.NewConstraint(text)
		if err != nil {
			return nil, fmt.Errorf("%q: %v", part, err)
		}
		list = append(list, manifest.Requirement{ID: id, Range: manifest.Range{Text: text, Constraints: c}})
	}
	return list, nil
}

// chosen writes a result as "ledger 1.0.0, weather 1.4.0 (json 1.0.0)".
func chosen(r *resolution.Result) string {
	var parts []string
	for _, m := range r.Mods {
		part := m.ID + " " + m.Version
		var libraries []string
		for _, l := range m.Libraries {
			libraries = append(libraries, l.ID+" "+l.Version)
		}
		if libraries != nil {
			part += " (" + strings.Join(libraries, ", ") + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func TestResolve(t *testing.T) {
	for _, test := range []struct {
		name, universe, roots string
		request               resolution.Request
		want                  string // or the error
	}{
		{name: "nothing", want: ""},
		{name: "the newest", universe: "a 1.0.0\na 1.10.0\na 1.9.0\na 2.0.0", roots: "a ^1", want: "a 1.10.0"},
		{name: "before what needs it", universe: "a 1.0.0: needs z *\nz 1.0.0: needs m *\nm 1.0.0", roots: "a *", want: "m 1.0.0, z 1.0.0, a 1.0.0"},
		{name: "an older version, since the newest needs what is not there",
			universe: "a 2.0.0: needs gone *\na 1.0.0", roots: "a *", want: "a 1.0.0"},
		{name: "the newest of what is asked for goes before that of what it needs",
			universe: "a 2.0.0: needs b ^1\na 1.0.0: needs b ^2\nb 1.0.0\nb 2.0.0", roots: "a *", want: "b 1.0.0, a 2.0.0"},
		{name: "two agree on an older one",
			universe: "a 1.0.0: needs c >=1.0\nb 1.0.0: needs c <2\nc 1.0.0\nc 1.5.0\nc 2.0.0", roots: "a *, b *", want: "c 1.5.0, a 1.0.0, b 1.0.0"},
		{name: "several ranges of one root", universe: "a 1.0.0\na 2.0.0\na 3.0.0", roots: "a >=2, a <3", want: "a 2.0.0"},
		{name: "an optional dependency brings nothing in", universe: "a 1.0.0: takes b ^1\nb 1.0.0", roots: "a *", want: "a 1.0.0"},
		{name: "an optional dependency that is there is in the range, and first",
			universe: "a 1.0.0: takes b ^1\nb 1.0.0\nb 2.0.0", roots: "a *, b *", want: "b 1.0.0, a 1.0.0"},
		{name: "a conflict is avoided",
			universe: "a 1.0.0: not b ^2\nb 1.0.0\nb 2.0.0", roots: "a *, b *", want: "a 1.0.0, b 1.0.0"},
		{name: "a conflict with what is not there is none", universe: "a 1.0.0: not b *\nb 1.0.0", roots: "a *", want: "a 1.0.0"},
		{name: "a conflict that is known before its other side comes in",
			universe: "a 1.0.0: not c *\nb 2.0.0: needs c *\nb 1.0.0\nc 1.0.0", roots: "a *, b *", want: "a 1.0.0, b 1.0.0"},
		{name: "load_after is order", universe: "a 1.0.0: after b *\nb 1.0.0", roots: "a *, b *", want: "b 1.0.0, a 1.0.0"},
		{name: "load_after is no requirement", universe: "a 1.0.0: after b ^9\nb 1.0.0", roots: "a *, b *", want: "a 1.0.0, b 1.0.0"},
		{name: "load_after in a circle", universe: "a 1.0.0: after b *\nb 1.0.0: after a *", roots: "a *, b *", want: "a 1.0.0, b 1.0.0"},
		{name: "load_after against a dependency", universe: "a 1.0.0: needs b *\nb 1.0.0: after a *", roots: "a *", want: "b 1.0.0, a 1.0.0"},
		{name: "a wish of one outside of a circle is kept",
			universe: "a 1.0.0: after y *\ny 1.0.0: after z *\nz 1.0.0: after y *", roots: "a *, y *, z *", want: "y 1.0.0, a 1.0.0, z 1.0.0"},
		{name: "a wish of one in a circle for one outside is kept",
			universe: "a 1.0.0: after b *, after z *\nb 1.0.0: after a *\nz 1.0.0", roots: "a *, b *, z *", want: "z 1.0.0, a 1.0.0, b 1.0.0"},
		{name: "a circle is avoided",
			universe: "a 1.0.0: needs b *\nb 2.0.0: needs a *\nb 1.0.0", roots: "a *", want: "b 1.0.0, a 1.0.0"},
		{name: "a yanked version is not taken", universe: "a 1.0.0\na 1.1.0: yanked", roots: "a *", want: "a 1.0.0"},
		{name: "a yanked version stays if it is locked", universe: "a 1.0.0\na 1.1.0: yanked", roots: "a *",
			request: resolution.Request{Locked: lock("a 1.1.0")}, want: "a 1.1.0"},
		{name: "a yanked version goes with an update", universe: "a 1.0.0\na 1.1.0: yanked", roots: "a *",
			request: resolution.Request{Locked: lock("a 1.1.0"), UpdateAll: true}, want: "a 1.0.0"},
		{name: "a locked version that was yanked stays if there is no other", universe: "a 1.0.0\na 1.1.0: yanked", roots: "a ^1.1",
			request: resolution.Request{Locked: lock("a 1.1.0"), UpdateAll: true}, want: "a 1.1.0"},
		{name: "no prerelease", universe: "a 1.0.0\na 2.0.0-beta.1", roots: "a *", want: "a 1.0.0"},
		{name: "a prerelease that is named", universe: "a 1.0.0\na 2.0.0-beta.1", roots: "a >=2.0.0-0", want: "a 2.0.0-beta.1"},
		{name: "the locked version", universe: "a 1.0.0: needs b *\na 1.1.0: needs b *\nb 1.0.0\nb 1.1.0", roots: "a *",
			request: resolution.Request{Locked: lock("a 1.0.0, b 1.0.0")}, want: "b 1.0.0, a 1.0.0"},
		{name: "an update of one", universe: "a 1.0.0: needs b *\na 1.1.0: needs b *\nb 1.0.0\nb 1.1.0", roots: "a *",
			request: resolution.Request{Locked: lock("a 1.0.0, b 1.0.0"), Update: []string{"a"}}, want: "b 1.0.0, a 1.1.0"},
		{name: "an update of one that takes another with it", universe: "a 1.0.0: needs b *\na 1.1.0: needs b ^1.1\nb 1.0.0\nb 1.1.0", roots: "a *",
			request: resolution.Request{Locked: lock("a 1.0.0, b 1.0.0"), Update: []string{"a"}}, want: "b 1.1.0, a 1.1.0"},
		{name: "a lock that does not fit any more", universe: "a 1.0.0\na 2.0.0", roots: "a ^2",
			request: resolution.Request{Locked: lock("a 1.0.0")}, want: "a 2.0.0"},
		{name: "a lock of what there is no more", universe: "a 1.0.0", roots: "a *",
			request: resolution.Request{Locked: lock("a 1.5.0, gone 1.0.0")}, want: "a 1.0.0"},
		{name: "build metadata", universe: "a 1.0.0+1\na 1.0.0+2", roots: "a *", want: "a 1.0.0+2"},
		{name: "the API", universe: "a 1.0.0: api ^1\na 2.0.0: api ^2", roots: "a *",
			request: resolution.Request{API: semver.MustParse("1.4.0")}, want: "a 1.0.0"},
		{name: "no API", universe: "a 1.0.0: api ^1\na 2.0.0: api ^2", roots: "a *", want: "a 2.0.0"},

		{name: "libraries in two versions",
			universe: "a 1.0.0: copies j ^1\nb 1.0.0: copies j *\nj 1.0.0: library\nj 1.2.0: library\nj 2.0.0: library", roots: "a *, b *",
			want: "a 1.0.0 (j 1.2.0), b 1.0.0 (j 2.0.0)"},
		{name: "a library's libraries, in one version for the mod",
			universe: "a 1.0.0: copies j *, copies u ^1\nj 1.0.0: library, copies u *\nu 1.0.0: library\nu 2.0.0: library", roots: "a *",
			want: "a 1.0.0 (j 1.0.0, u 1.0.0)"},
		{name: "an older mod, since the newest cannot have its libraries",
			universe: "a 2.0.0: copies j ^9\na 1.0.0: copies j *\nj 1.0.0: library", roots: "a *", want: "a 1.0.0 (j 1.0.0)"},
		{name: "a locked library", universe: "a 1.0.0: copies j *\nj 1.0.0: library\nj 2.0.0: library", roots: "a *",
			request: resolution.Request{Locked: map[string]resolution.Locked{"a": {Version: "1.0.0", Libraries: map[string]string{"j": "1.0.0"}}}},
			want:    "a 1.0.0 (j 1.0.0)"},
		{name: "an update of a library", universe: "a 1.0.0: copies j *\nj 1.0.0: library\nj 2.0.0: library", roots: "a *",
			request: resolution.Request{Update: []string{"j"}, Locked: map[string]resolution.Locked{"a": {Version: "1.0.0", Libraries: map[string]string{"j": "1.0.0"}}}},
			want:    "a 1.0.0 (j 2.0.0)"},
		{name: "an update of a mod updates its libraries", universe: "a 1.0.0: copies j *\nj 1.0.0: library\nj 2.0.0: library", roots: "a *",
			request: resolution.Request{Update: []string{"a"}, Locked: map[string]resolution.Locked{"a": {Version: "1.0.0", Libraries: map[string]string{"j": "1.0.0"}}}},
			want:    "a 1.0.0 (j 2.0.0)"},
		{name: "libraries conflict in one mod only",
			universe: "a 1.0.0: copies j *\nb 1.0.0: copies k *\nj 1.0.0: library, not k *\nk 1.0.0: library", roots: "a *, b *",
			want: "a 1.0.0 (j 1.0.0), b 1.0.0 (k 1.0.0)"},
		{name: "a mod and its namesake that is a library", universe: "a 2.0.0: library\na 1.0.0", roots: "a *", want: "a 1.0.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := test.request
			if test.roots != "" {
				request.Roots = want(t, test.roots)
			}
			result, err := resolution.Resolve(request, universe(t, test.universe))
			if err != nil {
				t.Fatal(err)
			}
			if got := chosen(result); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func lock(text string) map[string]resolution.Locked {
	out := map[string]resolution.Locked{}
	for part := range strings.SplitSeq(text, ", ") {
		id, version, _ := strings.Cut(part, " ")
		out[id] = resolution.Locked{Version: version}
	}
	return out
}

func TestConflicts(t *testing.T) {
	for _, test := range []struct {
		name, universe, roots string
		api                   string
		want                  []string
	}{
		{name: "nothing there", roots: "a ^1", want: []string{"a ^1 is asked for, and there is nothing of that name"}},
		{name: "a capital letter is another name", universe: "A 1.0.0", roots: "A ^1", want: []string{"A ^1 is asked for, and there is nothing of that name"}},
		{name: "nothing in the range", universe: "a 1.0.0\na 1.1.0\na 3.0.0", roots: "a ^2",
			want: []string{"a ^2 is asked for, and there is only 1.0.0 to 3.0.0"}},
		{name: "a prerelease only", universe: "a 2.0.0-beta.1", roots: "a ^2",
			want: []string{"a ^2 is asked for, and there is only 2.0.0-beta.1; prereleases are taken only by a range that names one"}},
		{
			name: "a diamond",
			universe: `
				economy 2.1.0: needs ledger ^2
				economy 1.0.0
				weather 1.4.0: needs ledger ^1
				weather 1.9.0: needs ledger ^1, api ^3
				ledger 1.0.0
				ledger 2.0.0`,
			roots: "economy ^2, weather *",
			want: []string{
				"economy ^2 is asked for",
				"economy 2.1.0 needs ledger ^2",
				"weather * is asked for",
				"every version of weather needs ledger ^1",
			},
		},
		{
			name: "a diamond, and a newest version that is no way out",
			universe: `
				economy 2.1.0: needs ledger ^2
				weather 1.4.0: needs ledger ^1
				weather 1.9.0: needs ledger ^2, api ^3
				ledger 1.0.0
				ledger 2.0.0`,
			roots: "economy *, weather *", api: "1.4.0",
			want: []string{
				"economy * is asked for",
				"economy 2.1.0 needs ledger ^2",
				"weather * is asked for",
				"weather 1.9.0 is for the host's API ^3, and this is 1.4.0",
				"weather 1.4.0 needs ledger ^1",
			},
		},
		{
			name:     "a long chain",
			universe: "a 1.0.0: needs b *\nb 1.0.0: needs c *\nc 1.0.0: needs d ^2\nd 1.0.0\nx 1.0.0\ny 1.0.0: needs x *",
			roots:    "a *, y *",
			want: []string{
				"a * is asked for", "a 1.0.0 needs b *", "b 1.0.0 needs c *", "c 1.0.0 needs d ^2, and there is only 1.0.0",
			},
		},
		{name: "a conflict", universe: "a 1.0.0: not b *\nb 1.0.0", roots: "a *, b *",
			want: []string{"a * is asked for", "a 1.0.0 cannot be beside b *", "b * is asked for"}},
		{name: "an optional dependency", universe: "a 1.0.0: takes b ^2\nb 1.0.0", roots: "a *, b *",
			want: []string{"a * is asked for", "a 1.0.0 takes b, if it is there, only as ^2", "b * is asked for"}},
		{name: "yanked", universe: "a 1.0.0: yanked\na 0.9.0: yanked", roots: "a *",
			want: []string{"a * is asked for", "every version of a was withdrawn by its publisher (yanked)"}},
		{name: "a circle", universe: "a 1.0.0: needs b *\nb 1.0.0: needs a *", roots: "a *",
			want: []string{"a * is asked for", "mods need each other in a circle: a -> b -> a", "a 1.0.0 needs b *"}},
		{name: "in need of itself", universe: "a 1.0.0: needs a *", roots: "a *",
			want: []string{"a * is asked for", "mods need each other in a circle: a -> a"}},
		{name: "at odds with itself", universe: "a 1.0.0: not a *", roots: "a *",
			want: []string{"a * is asked for", "a 1.0.0 cannot be beside a *"}},
		{name: "a library is no mod", universe: "a 1.0.0: library", roots: "a *",
			want: []string{"a * is asked for", "a 1.0.0 is a library, which is copied into mods and stands beside none"}},
		{name: "a mod is no library", universe: "a 1.0.0: copies b *\nb 1.0.0", roots: "a *", want: []string{
			"a * is asked for",
			"a 1.0.0: its libraries cannot be chosen: it needs b *; b 1.0.0 is no library, and cannot be copied into a mod"}},
		{name: "libraries that do not fit", universe: "a 1.0.0: copies j ^1, copies k *\nk 1.0.0: library, copies j ^2\nj 1.0.0: library\nj 2.0.0: library", roots: "a *",
			want: []string{
				"a * is asked for",
				"a 1.0.0: its libraries cannot be chosen: it needs j ^1; it needs k *; k 1.0.0 needs j ^2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := resolution.Request{Roots: want(t, test.roots)}
			if test.api != "" {
				request.API = semver.MustParse(test.api)
			}
			result, err := resolution.Resolve(request, universe(t, test.universe))
			conflict, ok := errors.AsType[*resolution.ConflictError](err)
			if !ok {
				t.Fatalf("got %v, %v", result, err)
			}
			var got []string
			for _, f := range conflict.Facts {
				got = append(got, f.Text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			for _, text := range test.want {
				if !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%q is not in %q, or there are several lines", text, err)
				}
			}
		})
	}
}

// The fields of facts are there for programs.
func TestFactFields(t *testing.T) {
	_, err := resolution.Resolve(resolution.Request{Roots: want(t, "a ^1")}, universe(t, "a 1.0.0: needs b ^2\na 1.1.0: needs b ^2\na 0.9.0\nb 1.0.0"))
	conflict, ok := errors.AsType[*resolution.ConflictError](err)
	if !ok {
		t.Fatal(err)
	}
	wanted := []resolution.Fact{
		{Kind: resolution.Asked, Other: "a", Range: "^1", Text: "a ^1 is asked for"},
		{Kind: resolution.Needs, ID: "a", Versions: []string{"1.1.0", "1.0.0"}, Other: "b", Range: "^2", Text: "a 1.0.0 to 1.1.0 needs b ^2, and there is only 1.0.0"},
	}
	if diff := cmp.Diff(wanted, conflict.Facts); diff != "" {
		t.Error(diff)
	}
}

func TestResultFields(t *testing.T) {
	u := universe(t, "a 1.0.0: needs b *, takes c *, copies j *\nb 1.0.0\nc 1.0.0\nj 1.0.0: library, copies k *\nk 1.0.0: library")
	r, err := resolution.Resolve(resolution.Request{Roots: want(t, "a *, c *")}, u)
	if err != nil {
		t.Fatal(err)
	}
	wanted := []resolution.Mod{
		{ID: "b", Version: "1.0.0"},
		{ID: "c", Version: "1.0.0", Asked: true},
		{ID: "a", Version: "1.0.0", Asked: true,
			Dependencies: []resolution.Pin{{ID: "b", Version: "1.0.0"}}, Optional: []resolution.Pin{{ID: "c", Version: "1.0.0"}},
			Libraries: []resolution.Library{{ID: "j", Version: "1.0.0", Libraries: []string{"k"}}, {ID: "k", Version: "1.0.0"}}},
	}
	if diff := cmp.Diff(wanted, r.Mods); diff != "" {
		t.Error(diff)
	}
	if m, ok := r.Mod("c"); !ok || m.Version != "1.0.0" {
		t.Error(m, ok)
	}
	if m, ok := r.Mod("nobody"); ok {
		t.Error(m)
	}
}

// failing is a universe that cannot be asked.
type failing struct{ err error }

func (f failing) Versions(string) ([]resolution.Candidate, error) { return nil, f.err }

func TestErrors(t *testing.T) {
	broken := errors.New("the catalogue is gone")
	many := resolution.Set{}
	for i := range 30 {
		many["a"] = append(many["a"], resolution.Candidate{Version: semver.New(1, uint64(i), 0, "", "")})
	}
	chain := resolution.Set{}
	for i := range 30 {
		chain[fmt.Sprint("m", i)] = []resolution.Candidate{{Version: semver.MustParse("1.0.0"), Dependencies: want(t, fmt.Sprintf("m%d *", i+1))}}
	}
	for name, test := range map[string]struct {
		u      resolution.Universe
		roots  string
		limits resolution.Limits
		want   error
	}{
		"cannot be asked": {failing{broken}, "a *", resolution.Limits{}, &resolution.UniverseError{ID: "a", Err: broken}},
		"twice":           {universe(t, "a 1.0.0\na 1.0.0"), "a *", resolution.Limits{}, &resolution.UniverseError{ID: "a", Reason: "1.0.0 is there twice"}},
		"no version":      {resolution.Set{"a": {{}}}, "a *", resolution.Limits{}, &resolution.UniverseError{ID: "a", Reason: "one has no version"}},
		"versions":        {many, "a *", resolution.Limits{Versions: 29}, &resolution.LimitError{What: "versions", ID: "a", Max: 29}},
		"ids":             {chain, "m0 *", resolution.Limits{IDs: 10}, &resolution.LimitError{What: "ids", Max: 10}},
		"steps":           {chain, "m0 *", resolution.Limits{Steps: 20}, &resolution.LimitError{What: "steps", Max: 20}},
	} {
		_, err := resolution.Resolve(resolution.Request{Roots: want(t, test.roots), Limits: test.limits}, test.u)
		if diff := cmp.Diff(test.want, err, cmp.Comparer(func(a, b error) bool {
			if a == broken || b == broken {
				return a == b
			}
			return fmt.Sprintf("%T %v", a, a) == fmt.Sprintf("%T %v", b, b)
		})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := resolution.Resolve(resolution.Request{Roots: want(t, "a *")}, failing{broken}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// counting counts how often it is asked.
type counting struct {
	resolution.Set
	asked map[string]int
}

func (c counting) Versions(id string) ([]resolution.Candidate, error) {
	c.asked[id]++
	return c.Set[id], nil
}

func TestUniverseIsAskedOnceAndOnlyForWhatMatters(t *testing.T) {
	c := counting{universe(t, "a 2.0.0: needs b *, takes opt *, not foe *\na 1.0.0: needs old *\nb 1.0.0\nold 1.0.0\nopt 1.0.0\nfoe 1.0.0"), map[string]int{}}
	if _, err := resolution.Resolve(resolution.Request{Roots: want(t, "a *")}, c); err != nil {
		t.Fatal(err)
	}
	if want := map[string]int{"a": 1, "b": 1}; !maps.Equal(c.asked, want) {
		t.Errorf("asked for %v, want %v", c.asked, want)
	}
}

// TestInputIsNotChanged: lists of the caller stay in their order.
func TestInputIsNotChanged(t *testing.T) {
	u := resolution.Set{"a": {{Version: semver.MustParse("1.0.0"), Dependencies: want(t, "z *, b *")}}, "b": {{Version: semver.MustParse("1.0.0")}}, "z": {{Version: semver.MustParse("1.0.0")}}}
	request := resolution.Request{Roots: want(t, "z *, a *")}
	if _, err := resolution.Resolve(request, u); err != nil {
		t.Fatal(err)
	}
	if u["a"][0].Dependencies[0].ID != "z" || request.Roots[0].ID != "z" {
		t.Error("a list was sorted in place")
	}
}

func TestCandidateOf(t *testing.T) {
	man, err := manifest.Parse("mod.toml", []byte("[mod]\nid = \"abc\"\nversion = \"1.2.3\"\napi = \"^1\"\n[dependencies]\ndep = \"^1\"\n[optional_dependencies]\nopt = \"^2\"\n[conflicts]\nfoe = \"*\"\n[libraries]\njson = \"^3\"\n[load_after]\nmenu = \"*\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	c := resolution.CandidateOf(man)
	lists := [][]manifest.Requirement{c.Dependencies, c.Optional, c.Conflicts, c.Libraries, c.LoadAfter}
	ids := []string{"dep", "opt", "foe", "json", "menu"}
	for i, list := range lists {
		if len(list) != 1 || list[0].ID != ids[i] {
			t.Errorf("%v: %v", ids[i], list)
		}
	}
	if c.Version.String() != "1.2.3" || c.API.Text != "^1" || c.Library || c.Yanked || slices.Contains(ids, "") {
		t.Errorf("%+v", c)
	}
}
