// Package policy decides what becomes of a mod, before anything of it runs: one
// function, [Decide], for the command line, the embedded host and CI.
//
// A [Request] says all that is known of a mod and what it asks for. [Rules] judge
// it: the operator's policy, in files of package cedar, or a plain [AllowList]. What
// they leave to a person is looked up in an [Approval], which is of one digest and
// names each thing that was granted.
//
// Everything here is plain data: no file, no clock, no mod. The same request, rules
// and approval give the same decision, and all of it may be used by several
// goroutines.
package policy

import (
	"time"

	"github.com/luasandbox/modrunner/limits"
)

// Signature is what is known of who signed a mod.
type Signature string

// The states of a signature. Only Trusted says anything good of a mod.
const (
	Unsigned    Signature = "unsigned"     // nobody signed it
	Trusted     Signature = "trusted"      // by a key that may sign this id
	UnknownKey  Signature = "unknown-key"  // by keys that are not in the trust store
	BadSig      Signature = "bad"          // it is not over these bytes, or cannot be read
	Expired     Signature = "expired"      // by a key that is trusted no more, or not yet
	Revoked     Signature = "revoked"      // by a key that was revoked
	NotEntitled Signature = "not-entitled" // by a key that may not sign this id
	Mismatch    Signature = "mismatch"     // the signed comment is of another id or version
)

// Request is what rules may know of one mod. Its author chose ID, Version, Name, the
// permissions and the limits; all else was found out by others.
type Request struct {
	ID, Version string
	Digest      string // of the bundle
	Name        string
	Library     bool // it is copied into other mods, and has no permissions

	Signature Signature
	Publisher string   // to whom the trust store says that the key belongs; "" unless Trusted
	Keys      []string // ids of the keys with good signatures, sorted

	// Environment is where it is to run, in the operator's words, such as "server",
	// "player", "development" or "ci". Interactive: there is a person who can answer.
	Environment string
	Interactive bool

	Risk       int        // the score of package review: 0 to 100
	Findings   []Finding  // of the static check; those that the author justified are one severity lower, and notes are notes
	Advisories []Advisory // that are about this version
	Freezes    []string   // why an operator stopped it; any of them denies, whatever the rules say

	Permissions []Permission  // sorted by capability
	Limits      limits.Limits // what it asks for; a zero field was not asked for

	Update *Update // nil: no version of it was approved before
}

// Permission is the request for one capability.
type Permission struct {
	Capability string
	Version    string // of the capability, as the host would give it; may be empty
	Risk       string // of the capability: none, low, medium, high; "high" if unknown
	Reason     string
	Optional   bool           // the mod can do without
	Options    map[string]any // string, int64, float64, bool, []string
}

// Finding is one finding of the static check.
type Finding struct {
	Rule     string // id
	Severity string // note, warning, error
}

// Advisory is a published warning of a version.
type Advisory struct {
	ID       string
	Severity string // low, medium, high, critical; "high" if it does not say
}

// Update says how a request differs from the last one that was approved.
type Update struct {
	FromVersion, FromDigest string
	More                    bool // it asks for something that was not granted
	SignerChanged           bool
	RiskRaised              bool
	Downgrade               bool // the version is lower
}

// Grant is one capability, exactly as it was approved.
type Grant struct {
	Capability string         `json:"capability"`
	Options    map[string]any `json:"options,omitempty"` // as in Permission
}

// Verdict is what a person, or a rule in their name, said of a mod.
type Verdict string

// The verdicts.
const (
	Approved  Verdict = "approved"
	Denied    Verdict = "denied"
	Withdrawn Verdict = "revoked" // it was approved before
)

// Approval is what was said of one digest.
type Approval struct {
	ID      string  `json:"id"`
	Version string  `json:"version"`
	Digest  string  `json:"digest"`
	Verdict Verdict `json:"verdict"`

	By   string    `json:"by"` // a person, or "policy"
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`

	Publisher string   `json:"publisher,omitempty"`
	Keys      []string `json:"keys,omitempty"` // that had signed it
	Risk      int      `json:"risk"`
	// Grants are all that it may have; what is asked for and is not here is refused.
	Grants []Grant `json:"grants"`
	// Limits are the most that it gets; a zero field is as the host has it.
	Limits limits.Limits `json:"limits"`
}
