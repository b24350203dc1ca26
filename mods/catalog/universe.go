package catalog

import (
	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/resolution"
)

// Universe returns the versions of all mods, as of now, for package resolution. It stays
// as it is when the client refreshes, and is safe for use by several goroutines.
func (c *Client) Universe() resolution.Universe { return universe{c.now()} }

type universe struct{ v *view }

// Versions returns what the catalogue says of a mod's versions. There is no error: all of
// it was checked when it was read.
func (u universe) Versions(id string) ([]resolution.Candidate, error) {
	var out []resolution.Candidate
	for _, e := range u.v.entries[id] {
		version, err := semver.StrictNewVersion(e.Version)
		if err != nil {
			return nil, err
		}
		c := resolution.Candidate{Version: version, Yanked: e.Yanked != nil, Library: e.Library}
		if e.API != "" {
			if c.API, err = manifest.ParseRange(e.API); err != nil {
				return nil, err
			}
		}
		for _, list := range []struct {
			from []Requirement
			to   *[]manifest.Requirement
		}{
			{e.Dependencies, &c.Dependencies},
			{e.OptionalDependencies, &c.Optional},
			{e.Conflicts, &c.Conflicts},
			{e.LoadAfter, &c.LoadAfter},
			{e.Libraries, &c.Libraries},
		} {
			for _, r := range list.from {
				in, err := manifest.ParseRange(r.Range)
				if err != nil {
					return nil, err
				}
				*list.to = append(*list.to, manifest.Requirement{ID: r.ID, Range: in})
			}
		}
		out = append(out, c)
	}
	return out, nil
}
