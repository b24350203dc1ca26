package policy_test

import (
	"fmt"
	"testing"

	"github.com/luasandbox/modrunner/mods/policy"
)

// words is rules that say the same of every mod and of every permission.
type words struct{ mod, permission policy.Effect }

func (words) Name() string { return "words" }

func (w words) Judge(r policy.Request) (policy.Ruling, []policy.Ruling) {
	var all []policy.Ruling
	for _, p := range r.Permissions {
		all = append(all, policy.Ruling{Capability: p.Capability, Effect: w.permission})
	}
	return policy.Ruling{Effect: w.mod}, all
}

// Signatures are no part of the digest. Whoever holds a mod whose key was revoked takes
// them away, and has bytes of the digest that was approved when the signature counted.
func TestAnApprovalDoesNotOutliveTheSignatureItWasGivenFor(t *testing.T) {
	yes := policy.Approval{ID: "com.ada.maps", Version: "1.0.0", Digest: "h1:a", Verdict: policy.Approved, By: "olga",
		Publisher: "Ada", Keys: []string{"0123456789ABCDEF"}, Grants: []policy.Grant{{Capability: "http"}}}
	ofNobody := yes
	ofNobody.Publisher, ofNobody.Keys = "", nil
	for _, test := range []struct {
		name      string
		approval  policy.Approval
		signature policy.Signature
		publisher string
		rules     words
		want      policy.Effect
	}{
		{"still signed", yes, policy.Trusted, "Ada", words{policy.Ask, policy.Ask}, policy.Allow},
		{"taken away", yes, policy.Unsigned, "", words{policy.Ask, policy.Allow}, policy.Ask},
		{"taken away, and the rules ask for the permission", yes, policy.Unsigned, "", words{policy.Allow, policy.Ask}, policy.Ask},
		{"another publisher's", yes, policy.Trusted, "Eve", words{policy.Ask, policy.Ask}, policy.Ask},
		{"of a key that is not known any more", yes, policy.UnknownKey, "", words{policy.Ask, policy.Ask}, policy.Ask},
		{"the rules need no answer", yes, policy.Unsigned, "", words{policy.Allow, policy.Allow}, policy.Allow},
		{"approved without a signature", ofNobody, policy.Unsigned, "", words{policy.Ask, policy.Ask}, policy.Allow},
		{"signed later", ofNobody, policy.Trusted, "Ada", words{policy.Ask, policy.Ask}, policy.Allow},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := policy.Request{ID: "com.ada.maps", Version: "1.0.0", Digest: "h1:a", Signature: test.signature, Publisher: test.publisher,
				Permissions: []policy.Permission{{Capability: "http"}}}
			d := policy.Decide(r, test.rules, &test.approval)
			if d.Effect != test.want {
				t.Errorf("%s, want %s: %v", d.Effect, test.want, d.Reasons)
			}
			lapsed := test.approval.Publisher != "" && test.approval.Publisher != test.publisher
			if told := len(d.Warnings) > 0; told != lapsed {
				t.Errorf("warnings %q", d.Warnings)
			}
		})
	}
}

// Taking a signature away must not give more either: what a person left out stays out
// where the rules alone would have given it.
func TestALapsedApprovalStillBounds(t *testing.T) {
	a := policy.Approval{ID: "m", Digest: "h1:a", Verdict: policy.Approved, By: "olga", Publisher: "Ada", Grants: []policy.Grant{{Capability: "log"}}}
	a.Limits.Memory = 1 << 20
	for _, publisher := range []string{"Ada", ""} {
		for _, optional := range []bool{true, false} {
			t.Run(fmt.Sprintf("by %q, optional %v", publisher, optional), func(t *testing.T) {
				r := policy.Request{ID: "m", Digest: "h1:a", Publisher: publisher, Permissions: []policy.Permission{
					{Capability: "http", Optional: optional}, {Capability: "log"},
				}}
				free := policy.Decide(r, words{policy.Allow, policy.Allow}, nil)
				if !free.Permissions[0].Granted || free.Limits.Memory != 0 {
					t.Fatal("without an approval the rules give it") // or this shows nothing
				}
				d := policy.Decide(r, words{policy.Allow, policy.Allow}, &a)
				if d.Permissions[0].Granted || !d.Permissions[1].Granted || d.Limits.Memory != 1<<20 || d.Runs() != optional {
					t.Errorf("%+v", d)
				}
			})
		}
	}
}
