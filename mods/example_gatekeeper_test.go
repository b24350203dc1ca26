package mods_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/policy"
)

// A bouncer is the smallest gatekeeper: all that the game allows is granted, until the
// operator has stopped the mod. Those who know of signatures, rules and approvals are
// review.Gatekeeper and install.Watch.
type bouncer struct{ stopped atomic.Pointer[string] }

func (b *bouncer) Decide(mod *bundle.Bundle) (policy.Decision, error) {
	r := policy.Request{ID: "rain", Version: "1.0.0", Digest: mod.Digest(), Permissions: []policy.Permission{{Capability: "log"}}}
	if why := b.stopped.Load(); why != nil {
		r.Freezes = []string{*why}
	}
	return policy.Decide(r, policy.AllowList{All: true}, nil), nil
}

// What becomes known of a mod while it runs stops it in the next tick, and the game goes on.
func ExampleHost_Reconsider() {
	door := &bouncer{}
	host, err := mods.Open(mods.Config{Policy: mods.PolicyAll, Gatekeeper: door})
	if err != nil {
		panic(err)
	}
	defer host.Close()
	rain, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte("[mod]\nid = \"rain\"\nversion = \"1.0.0\"\n[permissions]\nlog = {reason = \"says that it rains\"}\n")},
		"main.lua": {Data: []byte("return {tick = function() log.info('drip') end}")},
	}, bundle.Limits{})
	if err != nil {
		panic(err)
	}
	if _, err := host.Load(mods.Source{Bundle: rain, Path: "rain"}); err != nil {
		panic(err)
	}
	for tick := range 4 {
		if tick == 2 { // from any goroutine, such as one that asks a catalogue
			why := "the key was stolen"
			door.stopped.Store(&why)
			withdrawn, err := host.Reconsider()
			fmt.Println("withdrawn:", withdrawn, err)
		}
		if err := host.Tick(context.Background(), time.Second/20); err != nil {
			panic(err)
		}
		m := host.Status().Mods[0]
		fmt.Printf("%s: %q\n", m.State, m.Reason)
	}
	// Output:
	// active: ""
	// active: ""
	// withdrawn: 1 <nil>
	// quarantined: "mod \"rain\" is not allowed: frozen: the key was stolen (rules: allow-all)"
	// quarantined: "mod \"rain\" is not allowed: frozen: the key was stolen (rules: allow-all)"
}
