package gate

import (
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// CheckSteps is Check, and tells how many steps the walks over the syntax trees took.
func CheckSteps(b *bundle.Bundle, man *manifest.Manifest, api *API) ([]Finding, int) {
	findings, in := Checker{API: api}.check(b, man)
	return findings, in.steps
}
