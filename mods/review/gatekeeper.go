package review

import (
	"errors"
	"time"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/trust"
)

// Gatekeeper decides about mods as a host loads them: it reviews each, and has the
// rules judge it. It is a mods.Gatekeeper. The zero Gatekeeper lets no mod run that
// asks for anything.
//
// Decide may be called by several goroutines, if the functions may. The fields must not
// be changed then.
type Gatekeeper struct {
	Trust *trust.Store // nil trusts nobody
	API   *gate.API    // what the host offers; nil: every capability is of high risk
	// Advisories and Freezes may be nil: then there are none.
	Advisories *advisory.Database
	Freezes    *advisory.Freezes
	// KnownSigners is that of [Input].
	KnownSigners func(digest string) []string
	Rules        policy.Rules // nil allows no capability
	// Approval returns what was said of a digest, nil if nothing was. Nil: nothing was
	// said of any.
	Approval    func(digest string) *policy.Approval
	Environment string
	Interactive bool
	// Now is the time at which keys are judged. It must be there: who does not know the
	// time cannot tell an expired key from one that is valid.
	Now func() time.Time
}

// ErrNoClock is the error of a [Gatekeeper] that cannot know the time.
var ErrNoClock = errors.New("review: a gatekeeper without a clock: set Gatekeeper.Now")

// Decide reviews b and decides what becomes of it. The error is a [*manifest.Error], or
// [ErrNoClock].
func (g Gatekeeper) Decide(b *bundle.Bundle) (policy.Decision, error) {
	if g.Now == nil {
		return policy.Decision{Effect: policy.Deny}, ErrNoClock
	}
	var approval *policy.Approval
	if g.Approval != nil {
		approval = g.Approval(b.Digest())
	}
	r, err := Of(Input{Bundle: b, Trust: g.Trust, API: g.API, At: g.Now(), Advisories: g.Advisories, Freezes: g.Freezes, KnownSigners: g.KnownSigners, Approved: approval})
	if err != nil {
		return policy.Decision{Effect: policy.Deny}, err
	}
	return policy.Decide(r.Request(g.Environment, g.Interactive), g.Rules, approval), nil
}
