package fuzz

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/fuzz/generate"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/policy/cedar"
	"github.com/luasandbox/modrunner/mods/trust"
)

var lifeOperations = []func(x *life, a, b, c byte){
	(*life).install, (*life).install, (*life).install, (*life).play, (*life).install,
	(*life).approve, (*life).approve, (*life).deny, (*life).play, (*life).uninstall,
	(*life).publish, (*life).update, (*life).update, (*life).play, (*life).trustStore,
	(*life).setPolicy, (*life).freeze, (*life).takeFeed, (*life).play, (*life).passTime,
	(*life).edit, (*life).keepOrRestore, (*life).obstruct, (*life).stale,
}

// live plays the life that bytes describe, and returns what happened.
func live(t testing.TB, data []byte) (transcript string, seen map[string]int) {
	x := newLife(t)
	defer x.endHost()
	x.trustStore(data[0], 0, 0)
	for range 60 {
		if len(data) < 4 {
			break
		}
		lifeOperations[int(data[0])%len(lifeOperations)](x, data[1], data[2], data[3])
		data = data[4:]
	}
	x.clear()
	x.play(0, 0, 0)
	if log, err := os.ReadFile(x.path("audit.jsonl")); err == nil {
		fmt.Fprintf(&x.transcript, "audit %s\n", log)
	}
	return strings.ReplaceAll(x.transcript.String(), x.dir, "HOME"), x.seen
}

// answers says yes or no, to all or some of what is asked.
func answers(p *install.Plan, bits byte) map[string]install.Answer {
	all := map[string]install.Answer{}
	for _, i := range p.Items {
		if !i.Asks() && len(i.Undecided()) == 0 {
			continue
		}
		switch bits & 3 {
		case 0:
			all[i.Review.Digest] = install.Answer{Approve: true}
		case 1:
			all[i.Review.Digest] = install.Answer{Approve: true, Without: editionOf(i.Review.Digest).optional}
		case 2:
			if bits&0x10 != 0 {
				all[i.Review.Digest] = install.Answer{Note: "no"}
			}
		}
		bits = bits>>2 | bits<<6
	}
	return all
}

// apply applies a plan, with the answers that the bits give.
func (x *life) apply(home *install.Home, p *install.Plan, bits byte) error {
	said := answers(p, bits)
	r, err := home.Apply(context.Background(), p, said)
	x.applied(p, said, r, err)
	return err
}

// applied tells the ledger.
func (x *life) applied(p *install.Plan, said map[string]install.Answer, r *install.Result, err error) {
	refused, isRefusal := errors.AsType[*install.RefusedError](err)
	switch {
	case r != nil && (err == nil || is[*install.UnfinishedError](err)):
		for _, i := range append(slices.Clone(r.Installed), r.Waiting...) {
			if a, there := said[i.Review.Digest]; there && a.Approve {
				x.l.yes(i, a)
			} else if i.Decision.Runs() {
				x.l.allowed(i)
			}
		}
		x.l.became(r)
	case isRefusal, is[*install.UnfinishedError](err): // a refusal, perhaps, that was not written to its end
		for _, i := range p.Items {
			a, there := said[i.Review.Digest]
			denied := isRefusal && slices.ContainsFunc(refused.Items, func(r *install.Item) bool { return r.Review.Digest == i.Review.Digest })
			switch {
			case !there:
			case !a.Approve && !i.Resigned:
				x.l.words[i.Review.Digest] = word{verdict: policy.Denied}
			case a.Approve && !denied:
				x.l.yes(i, a)
			}
		}
	}
}

// install installs one bundle or two.
func (x *life) install(a, b, c byte) {
	x.operation("install", func() error {
		home, err := x.open(c >> 5)
		if err != nil {
			return err
		}
		r := published(x.t, cut{a, a >> 2, b, b >> 3, a >> 4})
		request := install.Request{Sources: []install.Source{{Name: "one", Bundle: r.bundle}}, AllowDowngrade: c&16 != 0, Catalog: x}
		if b>>6 != 0 {
			other := published(x.t, cut{b >> 6, c, c >> 1, b >> 2, a >> 5})
			request.Sources = append(request.Sources, install.Source{Name: "two", Bundle: other.bundle})
		}
		p, err := home.Plan(context.Background(), request)
		if err != nil {
			return err
		}
		if a&128 != 0 && x.plan == nil {
			x.plan = p
		}
		return x.apply(home, p, c)
	})
}

// stale applies a plan that was made some time ago.
func (x *life) stale(_, b, c byte) {
	if x.plan == nil {
		return
	}
	x.operation("apply later", func() error {
		home, err := x.open(c >> 5)
		if err != nil {
			return err
		}
		p := x.plan
		x.plan = nil
		return x.apply(home, p, b)
	})
}

// update takes from the catalogue.
func (x *life) update(a, b, c byte) {
	x.operation("update", func() error {
		home, err := x.open(c >> 5)
		if err != nil {
			return err
		}
		x.swapped = c&15 == 7
		request := install.Request{Catalog: x, AllowDowngrade: c&16 != 0}
		switch id := modIDs[b%4]; a % 4 {
		case 0:
			request.UpdateAll = true
		case 1:
			request.Update = []string{id}
		case 2:
			request.Remove = []string{id}
		case 3:
			at, err := manifest.ParseRange([]string{"^1.0.0", "*", "=1.1.0", "<2.0.0"}[a>>2%4])
			if err != nil {
				x.t.Fatal(err)
			}
			request.Wants = []manifest.Requirement{{ID: id, Range: at}}
		}
		if _, err := home.Outdated(context.Background(), x); err != nil {
			x.failed("Outdated", err)
		}
		p, err := home.Plan(context.Background(), request)
		if err != nil {
			return err
		}
		return x.apply(home, p, b>>2)
	})
}

// publish puts a edition into the catalogue.
func (x *life) publish(a, b, _ byte) {
	r := published(x.t, cut{a, a >> 2, b, b >> 3, a >> 4})
	x.catalog[r.id] = append([]*edition{r}, x.catalog[r.id]...)
}

// named picks a bundle of the home, by its digest or its id.
func (x *life) named(home *install.Home, a byte) (string, error) {
	s, err := home.State(context.Background())
	if err != nil {
		return "", err
	}
	all := s.Bundles()
	if len(all) == 0 || a&3 == 0 {
		return modIDs[a>>2%4], nil
	}
	return all[int(a>>2)%len(all)], nil
}

// approve is a person who says yes to something.
func (x *life) approve(a, b, c byte) {
	x.operation("approve", func() error {
		home, err := x.open(c >> 5)
		if err != nil {
			return err
		}
		name, err := x.named(home, a)
		if err != nil {
			return err
		}
		item, err := home.Review(context.Background(), name)
		if err != nil {
			return err
		}
		answer := install.Answer{Approve: true}
		if b&1 != 0 {
			answer.Without = editionOf(item.Review.Digest).optional
		}
		if b&14 == 14 {
			answer.Without = []string{"probe"}
		}
		r, err := home.Approve(context.Background(), item, answer)
		if err == nil || is[*install.UnfinishedError](err) && r != nil {
			x.l.yes(item, answer)
			for _, i := range r.Installed {
				if i.Review.Digest != item.Review.Digest && i.Decision.Runs() {
					x.l.allowed(i)
				}
			}
			x.l.became(r)
		}
		return err
	})
}

// deny is a person who says no, or takes a yes back.
func (x *life) deny(a, b, c byte) {
	what, verdict := "deny", policy.Denied
	if b&1 != 0 {
		what, verdict = "revoke", policy.Withdrawn
	}
	x.operation(what, func() error {
		home, err := x.open(c >> 5)
		if err != nil {
			return err
		}
		name, err := x.named(home, a)
		if err != nil {
			return err
		}
		before, err := home.State(context.Background())
		if err != nil {
			return err
		}
		do := home.Deny
		if b&1 != 0 {
			do = home.Revoke
		}
		r, err := do(context.Background(), name, "no")
		if err != nil && !is[*install.UnfinishedError](err) {
			return err
		}
		after, e := home.State(context.Background())
		if e != nil {
			x.t.Fatal(e)
		}
		history := after.Approvals().History
		if len(history) != len(before.Approvals().History)+1 {
			x.t.Fatalf("%s %s: %d words were said", what, name, len(history)-len(before.Approvals().History))
		}
		last := history[len(history)-1]
		if last.Verdict != verdict || last.ID != name && last.Digest != name || !slices.Contains(before.Bundles(), last.Digest) {
			x.t.Fatalf("%s %s: what was said is %+v", what, name, last)
		}
		x.l.words[last.Digest] = word{verdict: verdict}
		x.l.became(r)
		return err
	})
}

func (x *life) uninstall(a, b, c byte) {
	x.operation("uninstall", func() error {
		home, err := x.open(c >> 5)
		if err != nil {
			return err
		}
		names := []string{}
		for range 1 + b%2 {
			name, err := x.named(home, a)
			if err != nil {
				return err
			}
			names = append(names, name)
			a += b
		}
		r, err := home.Uninstall(context.Background(), names...)
		if err == nil || is[*install.UnfinishedError](err) {
			x.l.became(r)
		}
		return err
	})
}

// trustStore writes whom the operator trusts: by bit, which keys, and which are revoked.
func (x *life) trustStore(a, b, _ byte) {
	store := &trust.Store{}
	x.l.distrust = map[string]bool{}
	for n, key := range publishers() {
		k := trust.Key{Public: key.Public(), Publisher: "Studio", IDs: []string{"*"}}
		switch n {
		case 1:
			k.Publisher, k.IDs = "Ada", []string{"aaa", "lib"}
		case 2:
			k.Until = signedAt.AddDate(0, 2, 0)
		}
		var err error
		if a>>n&1 == 0 || a&8 == 0 {
			if store, err = store.Trust(k); err != nil {
				x.t.Fatal(err)
			}
		}
		if b>>n&1 != 0 && b&24 == 8 {
			if store, err = store.Revoke(key.ID(), x.now, "stolen"); err != nil {
				x.t.Fatal(err)
			}
			x.l.distrust[key.ID()] = true
		}
	}
	x.write("trust.toml", store.Format())
	x.happened("trust")
}

var policies = append([]string{""}, cedar.ReadyNames()...)

// setPolicy writes, or takes away, the operator's policy.
func (x *life) setPolicy(a, _, _ byte) {
	x.l.policy = policies[int(a)%len(policies)]
	x.happened("policy " + x.l.policy)
	if x.l.policy == "" {
		if err := os.Remove(x.path("policy.cedar")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			x.t.Fatal(err)
		}
		return
	}
	text, _, _ := cedar.ReadyText(x.l.policy)
	x.write("policy.cedar", []byte(text))
}

// freeze stops something, or lets it go on.
func (x *life) freeze(a, b, c byte) {
	name := fmt.Sprintf("stop-%d", c%4)
	if names := slices.Sorted(maps.Keys(x.l.frozen)); c&8 != 0 || len(names) > 1 {
		if len(names) > 0 {
			name = names[int(a)%len(names)]
		}
		x.operation("thaw", func() error {
			home, err := x.open(0)
			if err != nil {
				return err
			}
			err = home.Thaw(context.Background(), name, "")
			if err == nil || is[*install.UnfinishedError](err) {
				delete(x.l.frozen, name)
			}
			return err
		})
		return
	}
	x.operation("freeze", func() error {
		home, err := x.open(0)
		if err != nil {
			return err
		}
		f := advisory.Freeze{Name: name, Reason: "it is under investigation"}
		switch b % 4 {
		case 0:
			f.ID = modIDs[a%4]
		case 1:
			f.ID = modIDs[a%4]
			if f.Versions, err = manifest.ParseRange([]string{"^1.0.0", ">=1.2.0", "=1.1.0", "<1.2.0"}[a>>2%4]); err != nil {
				x.t.Fatal(err)
			}
		case 2:
			f.Digest = published(x.t, cut{a, a >> 2, b >> 2, b >> 5, 0}).digest
			if installed := x.l.installed[modIDs[a%4]]; installed != "" {
				f.Digest = installed
			}
		case 3:
			f.Key = publishers()[a%3].ID()
		}
		err = home.Freeze(context.Background(), f)
		if err == nil || is[*install.UnfinishedError](err) {
			x.l.frozen[name] = f
		}
		return err
	})
}

// takeFeed lets the catalogue say something; now, or when the host asks for it.
func (x *life) takeFeed(a, b, c byte) {
	x.feed = install.Feed{}
	for n, severity := range []string{"low", "high", "critical"} {
		if b>>n&1 != 0 {
			x.feed.Advisories = append(x.feed.Advisories, install.FeedAdvisory{ID: fmt.Sprintf("MOD-%d", n), Data: fmt.Appendf(nil, `{"schema_version": "1.6.0", "id": "MOD-%d",
				"modified": "2026-05-01T00:00:00Z", "affected": [{"package": {"ecosystem": "modrunner", "name": %q},
				"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}]}], "database_specific": {"severity": %q}}`, n, modIDs[(a+byte(n))%4], severity)})
		}
	}
	if a&24 == 8 {
		x.feed.Revocations = []trust.Revocation{{KeyID: publishers()[a%3].ID(), At: x.now, Reason: "stolen"}}
	}
	x.noNews = c&3 == 1
	if c&3 != 0 {
		return
	}
	x.operation("feed", func() error {
		home, err := x.open(0)
		if err != nil {
			return err
		}
		err = home.TakeFeed(context.Background(), x.feed)
		if err == nil || is[*install.UnfinishedError](err) {
			x.took(x.feed)
		}
		return err
	})
}

func (x *life) took(feed install.Feed) {
	for _, r := range feed.Revocations {
		x.l.revoked[r.KeyID] = true
	}
}

// passTime sets the clock forwards, or back.
func (x *life) passTime(a, _, _ byte) {
	x.now = x.now.Add([]time.Duration{time.Second, time.Hour, 40 * 24 * time.Hour, -time.Hour, -40 * 24 * time.Hour, -400 * 24 * time.Hour, 400 * 24 * time.Hour, 0}[a%8])
}

// keepOrRestore copies the home, or puts the copy in its place: a backup, or a machine
// that went down.
func (x *life) keepOrRestore(a, _, _ byte) {
	x.clear()
	if x.saved == nil || a&1 == 0 {
		x.saved, x.then = x.files(), x.l.clone()
		return
	}
	x.endHost()
	x.replace(x.saved)
	x.l, x.plan = x.then.clone(), nil
	x.happened("restore")
	x.operation("look", func() error { return nil })
}

// obstruct puts something in the way of what a change writes, so that it ends there as if
// the process was killed; or takes it away; or leaves behind what a killed process does.
func (x *life) obstruct(a, b, _ byte) {
	if x.obstacle != "" {
		x.clear()
		x.operation("go on", func() error { return nil })
		return
	}
	junk := []byte("{\"format\": 1")
	switch name := []string{
		"mods.lock.new", "freezes.toml.new", "feed.json.new", "approvals.json.new", "transaction.json.new", "audit.jsonl.lock", "", "leftovers",
	}[a%8]; name {
	case "leftovers":
		if _, err := os.Stat(x.dir); err == nil {
			x.write("approvals.json.new", junk)
			x.write("transaction.json.new", junk)
			x.write("bundles/staged-3-h1-"+strings.Repeat("0", 64)+".zip", junk)
		}
	case "":
		r := published(x.t, cut{b, b >> 2, b >> 3, b >> 4, b >> 5})
		name = "bundles/h1-" + strings.Repeat("0", 64) + ".zip"
		if short, err := digestName(r.digest); err == nil {
			name = "bundles/" + short + ".zip"
		}
		if _, err := os.Lstat(x.path(name)); err != nil {
			x.obstacle = name
			x.write(name+"/in the way", junk)
		}
	default:
		if err := os.Remove(x.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			x.t.Fatal(err)
		}
		x.obstacle = name
		x.write(name+"/in the way", junk)
	}
	x.happened("obstacle " + x.obstacle)
}

// clear takes the obstacle away; whoever comes next finishes what it stopped.
func (x *life) clear() {
	if x.obstacle == "" {
		return
	}
	if err := os.RemoveAll(x.path(x.obstacle)); err != nil {
		x.t.Fatal(err)
	}
	x.obstacle = ""
	if home, err := x.open(0); err != nil {
		x.t.Fatal(err)
	} else if _, err := os.Stat(x.path("transaction.json")); err == nil {
		x.t.Fatalf("what was begun in %s is not finished", home.Path())
	}
}

// edit has somebody change files of the home by hand. Then the home is as it was again.
func (x *life) edit(a, b, c byte) {
	x.clear()
	before, was := x.files(), x.l.clone()
	sequence := uint64(0)
	_, sequence = x.stands()
	if !x.spoil(before, a, b, c) {
		return
	}
	x.edited = true
	home, err := x.open(0)
	x.failed("open what was edited", err)
	if err == nil {
		if _, err := x.locked(home); err == nil {
			x.happened("edit passes")
		}
		_, err := home.List(context.Background())
		x.failed("List", err)
		_, err = home.Gatekeeper(context.Background())
		x.failed("Gatekeeper", err)
	}
	switch c % 4 {
	case 1:
		x.install(c, b, a)
	case 2:
		x.uninstall(b, c, a)
	case 3:
		x.deny(b, c, a)
	}
	x.edited = false
	x.replace(before)
	x.l = was
	if _, is := x.stands(); is != sequence {
		x.t.Fatalf("put back, it is at %d and was at %d", is, sequence)
	}
}

// spoil changes a file of the home. It reports false if there is none.
func (x *life) spoil(all map[string][]byte, a, b, c byte) bool {
	var bundles, states []string
	for name := range all {
		switch {
		case strings.HasPrefix(name, "bundles/"):
			bundles = append(bundles, name)
		case name == "mods.lock" || name == "approvals.json":
			states = append(states, name)
		}
	}
	slices.Sort(bundles)
	slices.Sort(states)
	if len(bundles) == 0 || len(states) == 0 {
		return false
	}
	name := bundles[int(b)%len(bundles)]
	state := states[int(b)%len(states)]
	text := string(all[state])
	lines := strings.SplitAfter(text, "\n")
	one, two := int(c)%len(lines), int(a>>4)%len(lines)
	x.happened(fmt.Sprintf("edit %d", a%10))
	switch a % 10 {
	case 0: // another bundle
		x.write(name, all[bundles[int(c)%len(bundles)]])
	case 1:
		data := bytes.Clone(all[name])
		data[(int(c)<<8|int(b))%len(data)] ^= 1 << (a % 8)
		x.write(name, data)
	case 2: // another digest
		var digests []string
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == '"' }) {
			if strings.HasPrefix(word, "h1:") {
				digests = append(digests, word)
			}
		}
		if len(digests) < 2 {
			return false
		}
		x.write(state, []byte(strings.Replace(text, digests[int(c)%len(digests)], digests[int(b)%len(digests)], 1)))
	case 3:
		x.write("mods.lock", []byte(strings.Replace(string(all["mods.lock"]), modVersions[c%4], modVersions[b%4], 1+int(c>>7))))
	case 4: // one line instead of another, or not at all
		lines[one] = lines[two]
		x.write(state, []byte(strings.Join(lines, "")))
	case 5:
		lines[one] = ""
		x.write("mods.lock", []byte(strings.Join(lines, "")))
	case 6:
		x.write("approvals.json", bytes.Replace(all["approvals.json"], []byte(`"approved"`), []byte(`"denied"`), 1+int(c)%3))
	case 7: // the same files, signed by others
		r := editionOf(digestNamed(name))
		if r == nil {
			return false
		}
		other := r.unsigned
		if c&1 != 0 {
			var err error
			if other, err = trust.Sign(other, publishers()[c%3], signedAt); err != nil {
				x.t.Fatal(err)
			}
		}
		x.write(name, archive(x.t, other))
	case 8:
		if err := os.Remove(x.path(name)); err != nil {
			x.t.Fatal(err)
		}
		if c&1 != 0 {
			if err := os.Symlink(x.path(bundles[0]), x.path(name)); err != nil {
				x.t.Fatal(err)
			}
		}
	case 9:
		x.write(state, []byte(text[:len(text)*int(c)/256]))
	}
	return true
}

func (x *life) endHost() {
	if x.host != nil {
		if err := x.host.Close(); err != nil {
			x.t.Fatal(err)
		}
		x.host = nil
	}
}

// play refreshes what the host knows, has it ask again, lets it run, gives it what is
// installed, and looks at what ran.
func (x *life) play(a, b, c byte) {
	if a%8 == 7 {
		x.endHost()
	}
	x.operation("play", func() error {
		home, err := x.open(c >> 5)
		if err != nil {
			return err
		}
		ctx := context.Background()
		if x.host == nil {
			watch, err := home.Watch(ctx, x.news)
			if err != nil {
				return err
			}
			x.watch, x.given, x.granted = watch, map[string]mods.Source{}, map[string][]grant{}
			cfg := gameConfig(x)
			cfg.Gatekeeper = watch
			if x.host, err = mods.Open(cfg); err != nil {
				x.t.Fatal(err)
			}
		}
		refreshed := x.watch.Refresh(ctx)
		x.failed("Refresh", refreshed)
		if !x.noNews && (refreshed == nil || is[*install.UnfinishedError](refreshed)) {
			x.took(x.feed)
		}
		known := refreshed == nil || is[*catalogError](refreshed) && !is[*install.FileError](refreshed)
		if _, err := x.host.Reconsider(); err != nil {
			x.t.Fatal(err)
		}
		x.tick(home, known, "reconsidered")
		sources, err := x.locked(home)
		if err == nil {
			x.give(sources, b)
			x.tick(home, known, "loaded")
			x.tick(home, known, "loaded")
		}
		return errors.Join(refreshed, err)
	})
}

// give makes the host run what is installed.
func (x *life) give(sources []mods.Source, b byte) {
	wanted := map[string]bool{}
	for _, s := range sources {
		digest := s.Bundle.Digest()
		id := editionOf(digest).id
		wanted[id] = true
		x.given[digest] = s
		m := x.host.Mod(id)
		switch {
		case m == nil || m.State() == mods.Refused || m.State() == mods.Unloaded:
			if m != nil {
				x.host.Forget(m)
			}
			_, _ = x.host.Load(s) // whether it may run is the question
		case m.Report().Digest != digest && b&1 == 0:
			_ = x.host.Unload(id)
			_, _ = x.host.Load(s)
		default:
			_, _ = x.host.Reload(id, s)
		}
	}
	for _, m := range x.host.Mods() {
		if !wanted[m.ID()] && b&2 == 0 && m.State() != mods.Refused {
			_ = x.host.Unload(m.ID())
		}
	}
}

// tick runs a frame, and holds what ran in it to the ledger, if that is what the host
// knows.
func (x *life) tick(home *install.Home, known bool, when string) {
	x.ticks, x.arrives = nil, map[string][]grant{}
	if err := x.host.Tick(context.Background(), time.Second/20); err != nil {
		x.t.Fatal(err)
	}
	fmt.Fprintf(&x.transcript, "%s %v\n", when, x.ticks)
	if !known {
		x.happened("not known")
		return
	}
	state, err := home.State(context.Background())
	if err != nil {
		x.t.Fatal(err)
	}
	for _, s := range x.ticks {
		x.happened("ran")
		var source *mods.Source
		for digest, given := range x.given {
			if editionOf(digest).says == s.says {
				source = &given
			}
		}
		if source == nil {
			x.t.Fatalf("%s: %s runs, and is none that the host was given", when, s.says)
		}
		digest := source.Bundle.Digest()
		if why := x.l.stops(source.Bundle); why != "" {
			x.t.Fatalf("%s: %s runs, and %s", when, s.says, why)
		}
		copied := "-"
		for _, b := range source.Libraries {
			copied = editionOf(b.Digest()).says
			if why := x.l.stops(b); why != "" {
				x.t.Fatalf("%s: %s runs with %s, and %s", when, s.says, copied, why)
			}
		}
		if copied != s.copied {
			x.t.Fatalf("%s: %s runs with %s; it was given with %s", when, s.says, s.copied, copied)
		}
		var had []string
		for _, g := range x.granted[s.id] {
			had = append(had, g.name)
			x.bounded(state.Approval(digest), g, s.says)
		}
		if what := x.l.exceeds(digest, had); what != "" {
			x.t.Fatalf("%s: %s has %s", when, s.says, what)
		}
	}
}

// bounded checks that a capability came with no more than what was approved.
func (x *life) bounded(a *policy.Approval, had grant, says string) {
	for _, g := range a.Grants {
		if g.Capability != had.name {
			continue
		}
		if room, stated := g.Options["room"].(int64); stated && had.room > room {
			x.t.Fatalf("%s has room %d; approved is %d", says, had.room, room)
		}
		hosts, _ := g.Options["hosts"].([]string)
		for _, host := range had.hosts {
			if !slices.Contains(hosts, host) {
				x.t.Fatalf("%s may reach %s; approved is %v", says, host, hosts)
			}
		}
	}
}

// FuzzInstallation: whatever an operator, mod authors, a catalogue and the disk do to an
// installation, nothing runs that was not approved, or is frozen, refused or signed by a
// revoked key; nothing has more than it was granted; what fails changes nothing; what is
// on record verifies; and the same happens again.
func FuzzInstallation(f *testing.F) {
	for seed := range uint64(24) {
		f.Add(generate.Bytes(seed, 240))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 4 || len(data) > 240 {
			t.Skip()
		}
		first, _ := live(t, data)
		if data[0]%4 != 0 { // one in four is lived again
			return
		}
		if again, _ := live(t, data); again != first {
			t.Errorf("it is not the same again:\n%s", clipDiff(cmp.Diff(first, again)))
		}
	})
}

// TestInstallation plays the lives that a fixed seed gives. All that there is to be
// reached is reached by them.
func TestInstallation(t *testing.T) {
	lives := 200
	if testing.Short() {
		lives = 20
	}
	seen := map[string]int{}
	for n := range lives {
		data := generate.Bytes(uint64(1000+n), 240)
		first, did := live(t, data)
		for what, times := range did {
			seen[what] += times
		}
		if n%8 == 0 {
			if again, _ := live(t, data); again != first {
				t.Fatalf("life %d is not the same again:\n%s", n, clipDiff(cmp.Diff(first, again)))
			}
		}
	}
	for _, what := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%6d %s", seen[what], what)
	}
}
