package install

import (
	"slices"
	"strings"

	"github.com/luasandbox/modrunner/mods/lockfile"
	"github.com/luasandbox/modrunner/mods/policy"
)

// parseLock reads mods.lock. The path is used in errors only.
func parseLock(path string, data []byte) ([]lockfile.Mod, error) {
	l, err := lockfile.Parse(path, data)
	if err != nil {
		return nil, err
	}
	return l.Mods, nil
}

// encodeLock writes mods.lock.
func encodeLock(mods []lockfile.Mod) ([]byte, error) {
	sorted := slices.SortedFunc(slices.Values(mods), func(a, b lockfile.Mod) int { return strings.Compare(a.ID, b.ID) })
	return (&lockfile.Lock{Mods: sorted}).Format()
}

// libraryVersions returns the versions of the libraries in a mod, by id.
func libraryVersions(m lockfile.Mod) map[string]string {
	out := map[string]string{}
	for _, l := range m.Libraries {
		out[l.ID] = l.Version
	}
	return out
}

// dependsOn reports whether a mod needs one of those.
func dependsOn(m lockfile.Mod, ids map[string]bool) bool {
	return slices.ContainsFunc(m.Dependencies, func(d lockfile.Dependency) bool { return ids[d.ID] })
}

// approved takes over what an item is granted, and who signed it.
func approved(m *lockfile.Mod, i *Item) {
	m.Publisher, m.Keys, m.Source = i.Review.Publisher, i.Review.Keys, i.From
	m.Limits, m.Grants = i.Decision.Limits, nil
	for _, d := range i.Decision.Permissions {
		if d.Granted {
			m.Grants = append(m.Grants, policy.Grant{Capability: d.Capability, Options: d.Permission.Options})
		}
	}
}

// signedAnew is who signed an installed bundle anew; empty if it is another one.
func signedAnew(i *Item) string {
	if !i.Resigned {
		return ""
	}
	return i.Review.Publisher
}

// install makes what a plan chose the mods that are installed. All of its items may run.
func (t *transaction) install(p *Plan) {
	old := map[string]lockfile.Mod{}
	signers := map[string]lockfile.Library{} // by digest
	for _, m := range t.mods {
		old[m.ID] = m
		for _, l := range m.Libraries {
			signers[l.Digest] = l
		}
	}
	items := map[string]*Item{}
	for _, i := range p.Items {
		items[i.Review.Digest] = i
	}
	t.mods = nil
	for _, chosen := range p.result.Mods {
		digest := p.digests[chosen.ID+" "+chosen.Version]
		m := lockfile.Mod{ID: chosen.ID, Version: chosen.Version, Digest: digest, Asked: chosen.Asked}
		if was := old[chosen.ID]; was.Digest == digest {
			m.Publisher, m.Keys, m.Source, m.Grants, m.Limits = was.Publisher, was.Keys, was.Source, was.Grants, was.Limits
		}
		if i := items[digest]; i != nil {
			if said := t.approvals.Last(digest); i.Resigned && said.Sequence != t.sequence {
				m.Publisher, m.Keys, m.Source = i.Review.Publisher, i.Review.Keys, i.From // what it may do was said before
			} else {
				approved(&m, i)
			}
			t.record("install", m.ID, m.Version, m.Digest, "instead_of", i.Installed, "from", i.From, "signed_anew", signedAnew(i), "needed_by", strings.Join(i.NeededBy, " "))
		}
		if m.Asked {
			m.Range = p.rangeOf(m.ID, m.Version)
		}
		for _, d := range chosen.Dependencies {
			m.Dependencies = append(m.Dependencies, lockfile.Dependency{ID: d.ID, Version: d.Version})
		}
		for _, l := range chosen.Libraries {
			at := p.digests[l.ID+" "+l.Version]
			lib := signers[at]
			lib.ID, lib.Version, lib.Digest, lib.Libraries = l.ID, l.Version, at, l.Libraries
			if i := items[at]; i != nil {
				lib.Publisher, lib.Keys, lib.Source = i.Review.Publisher, i.Review.Keys, i.From
			}
			m.Libraries = append(m.Libraries, lib)
		}
		t.mods = append(t.mods, m)
	}
	for _, id := range p.Gone {
		t.record("uninstall", id, old[id].Version, old[id].Digest, "reason", "nobody asks for it any more")
	}
	t.changed = true
	for _, i := range p.Items {
		if at := slices.IndexFunc(t.mods, func(m lockfile.Mod) bool { return m.ID == i.Review.ID }); at < 0 { // a library
			t.record("install", i.Review.ID, i.Review.Version, i.Review.Digest, "from", i.From, "copied_into", strings.Join(i.NeededBy, " "))
		}
	}
}
