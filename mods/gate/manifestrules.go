package gate

import (
	"slices"
	"strings"
	"unicode"

	"github.com/luasandbox/modrunner/limits"
)

const (
	leastReason = 8 // letters of a reason
	aboveNeed   = 4 // times what was measured
)

// manifestRules holds the manifest against the rules.
func (in *inspection) manifestRules(m *Measured) {
	for _, p := range in.man.Permissions {
		at := in.inManifest("permissions", p.Name, "reason")
		letters := 0
		for _, r := range p.Reason {
			if unicode.IsLetter(r) {
				letters++
			}
		}
		words := strings.Trim(strings.ToLower(p.Reason), " .!")
		if letters < leastReason || words == p.Name || words == strings.ReplaceAll(p.Name, ".", " ") {
			in.add("missing-reason", Warning, at, "", "say what the player has of it", "the reason for %q says nothing", p.Name)
		}
		for _, name := range p.OptionNames() {
			for _, text := range texts(p.Options[name]) {
				if wide(text) {
					in.add("wide-request", Warning, in.inManifest("permissions", p.Name, name), "", "name what is needed", "%s of the capability %q is asked for as wide as %q", name, p.Name, clip(text))
				}
			}
		}
		if c := in.api.chosen(p); c != nil && c.Deprecated != "" {
			in.add("deprecated-capability", Note, in.inManifest("permissions", p.Name), "", clip(c.Deprecated), "version %s of the capability %q is deprecated", clip(c.Version), p.Name)
		}
	}
	if m == nil {
		return
	}
	if asked := in.man.Limits.Memory; asked > 0 && m.Memory > 0 && asked/aboveNeed > m.Memory {
		in.add("limits-above-need", Warning, in.inManifest("limits", "memory"), "", "", "%s of memory are asked for, and %s were needed when it was measured",
			limits.FormatSize(asked), limits.FormatSize(m.Memory))
	}
	if asked := in.man.Limits.Instructions; asked > 0 && m.Instructions > 0 && asked/aboveNeed > m.Instructions {
		in.add("limits-above-need", Warning, in.inManifest("limits", "instructions"), "", "", "%d instructions are asked for one call, and %d were needed for all calls together when it was measured",
			asked, m.Instructions)
	}
}

// texts returns the texts of an option's value.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, item := range v {
			if text, ok := item.(string); ok {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}

// wide reports whether a pattern means nearly everything: "*", or all hosts below a
// domain of one label.
func wide(text string) bool {
	host, _, _ := strings.Cut(text, ":")
	if host == "*" {
		return true
	}
	label, ok := strings.CutPrefix(host, "*.")
	return ok && !strings.Contains(strings.Trim(label, "."), ".")
}

// justify notes what the manifest says of findings under [exceptions], and tells of
// exceptions that mean nothing.
func (in *inspection) justify(findings []Finding) []Finding {
	used := map[string]bool{}
	for i := range findings {
		f := &findings[i]
		rule, known := RuleByID(f.Rule)
		if reason := in.man.Exceptions[f.Rule]; reason != "" && known && rule.Exception {
			f.Justified = reason
			used[f.Rule] = true
		}
	}
	late := newCollector()
	for _, id := range sortedKeys(in.man.Exceptions) {
		at := in.inManifest("exceptions", id)
		rule, known := RuleByID(id)
		switch {
		case !known:
			var ids []string
			for _, r := range rules {
				ids = append(ids, r.ID)
			}
			late.add("unused-exception", Warning, at, "", didYouMean("", id, ids), "there is no rule %q", clip(id))
		case !rule.Exception:
			late.add("unused-exception", Warning, at, "", "", "no exception can be made of the rule %s", id)
		case !used[id]:
			late.add("unused-exception", Note, at, "", "take it out of the manifest", "the rule %s finds nothing here", id)
		}
	}
	findings = append(findings, late.all()...)
	slices.SortFunc(findings, inOrder)
	return findings
}
