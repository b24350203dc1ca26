package cedar

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/policy"
)

// The bounds of what rules are shown of one option. What is beyond cannot be compared.
const (
	maxItems     = 1024
	maxItemBytes = 64 << 10
)

var (
	host        = cedar.NewEntityUID(hostType, "host")
	loadAction  = cedar.NewEntityUID(actionType, load)
	grantAction = cedar.NewEntityUID(actionType, grant)
)

// facts are a request as Cedar sees it.
type facts struct {
	mod     types.Entity
	context types.Record
}

// collect brings a request into the form of the schema. What it cannot be, by the
// documentation of [policy.Request], is an error. What is not known is taken for the
// worst that it can be.
func collect(r policy.Request) (facts, error) {
	signature := r.Signature
	if !slices.Contains(signatures, signature) {
		return facts{}, fmt.Errorf("the signature is in no state that rules know: %q", signature)
	}
	if r.Risk < 0 || r.Risk > 100 {
		return facts{}, fmt.Errorf("a risk of %d; it is 0 to 100", r.Risk)
	}
	publisher, parents := "", types.NewEntityUIDSet()
	if signature == policy.Trusted && r.Publisher != "" {
		publisher = r.Publisher
		parents = cedar.NewEntityUIDSet(cedar.NewEntityUID(publisherType, types.String(publisher)))
	}
	asked := types.RecordMap{}
	for _, kind := range limits.Kinds() {
		n := r.Limits.Of(kind)
		if n < 0 {
			return facts{}, fmt.Errorf("it asks for a %s of %d", kind, n)
		}
		if kind == limits.Time && n > 0 {
			n = (n-1)/int64(time.Millisecond) + 1
		}
		asked[types.String(limitAttribute(kind))] = types.Long(n)
	}
	update := policy.Update{}
	if r.Update != nil {
		update = *r.Update
	}
	return facts{
		mod: types.Entity{UID: cedar.NewEntityUID(modType, types.String(r.ID)), Parents: parents, Attributes: types.NewRecord(types.RecordMap{
			"id": types.String(r.ID), "version": types.String(r.Version), "library": types.Boolean(r.Library),
		})},
		context: types.NewRecord(types.RecordMap{
			"environment": types.String(r.Environment),
			"interactive": types.Boolean(r.Interactive),
			"signature":   types.String(signature),
			"publisher":   types.String(publisher),
			"keys":        texts(r.Keys),
			"risk":        types.Long(r.Risk),
			"findings":    findings(r.Findings),
			"advisories":  advisories(r.Advisories),
			"limits":      types.NewRecord(asked),
			"update": types.NewRecord(types.RecordMap{
				"known": types.Boolean(r.Update != nil), "more": types.Boolean(update.More),
				"signer_changed": types.Boolean(update.SignerChanged), "risk_raised": types.Boolean(update.RiskRaised),
				"downgrade": types.Boolean(update.Downgrade),
			}),
		}),
	}, nil
}

func texts(items []string) types.Set {
	values := make([]types.Value, len(items))
	for i, item := range items {
		values[i] = types.String(item)
	}
	return types.NewSet(values...)
}

// findings counts. A severity that there is not counts as an error.
func findings(all []policy.Finding) types.Record {
	var errors, warnings, notes types.Long
	var rules []string
	for _, f := range all {
		rules = append(rules, f.Rule)
		switch f.Severity {
		case "note":
			notes++
		case "warning":
			warnings++
		default:
			errors++
		}
	}
	return types.NewRecord(types.RecordMap{"errors": errors, "warnings": warnings, "notes": notes, "rules": texts(rules)})
}

// advisories finds the worst. A severity that there is not is critical.
func advisories(all []policy.Advisory) types.Record {
	worst := 0
	var ids []string
	for _, a := range all {
		ids = append(ids, a.ID)
		severity := slices.Index(advisoryWords, a.Severity)
		if severity < 1 {
			severity = len(advisoryWords) - 1
		}
		worst = max(worst, severity)
	}
	return types.NewRecord(types.RecordMap{"count": types.Long(len(all)), "ids": texts(ids), "worst": types.String(advisoryWords[worst])})
}

// capability is the request for one of them as Cedar sees it, with the options that
// the policy looks at. Those that do not have the type as which the policy looks at
// them are returned with what they are instead.
func (p *Policy) capability(asked policy.Permission) (types.Entity, map[option]string) {
	groups := map[string]types.RecordMap{}
	for _, g := range optionGroups {
		groups[g.name] = types.RecordMap{}
	}
	var unlike map[option]string
	for _, o := range p.uses {
		value, there := asked.Options[o.name]
		if !there {
			continue
		}
		v, why := as(o.group, value)
		if why != "" {
			if unlike == nil {
				unlike = map[option]string{}
			}
			unlike[o] = why
			continue
		}
		groups[o.group][types.String(o.name)] = v
	}
	risk := asked.Risk
	if !slices.Contains(riskWords, risk) {
		risk = "high"
	}
	names := make([]string, 0, len(asked.Options))
	for name := range asked.Options {
		names = append(names, name)
	}
	attrs := types.RecordMap{
		"name": types.String(asked.Capability), "version": types.String(asked.Version), "risk": types.String(risk),
		"optional": types.Boolean(asked.Optional), "options": texts(names),
	}
	for name, group := range groups {
		attrs[types.String(name)] = types.NewRecord(group)
	}
	uid := cedar.NewEntityUID(capabilityType, types.String(asked.Capability))
	return types.Entity{UID: uid, Attributes: types.NewRecord(attrs)}, unlike
}

// as returns the value of an option as a group has it, or why it cannot be there.
func as(group string, value any) (v types.Value, why string) {
	switch group {
	case "count":
		if n, ok := wholeNumber(value); ok {
			return types.Long(n), ""
		}
		return nil, shown(value) + ", and no whole number or size"
	case "number":
		if d, ok := decimal(value); ok {
			return d, ""
		}
		return nil, shown(value) + ", and no number with at most four digits after the point"
	case "flag":
		if flag, ok := value.(bool); ok {
			return types.Boolean(flag), ""
		}
		return nil, shown(value) + ", and neither true nor false"
	case "text":
		if text, ok := value.(string); ok && len(text) <= maxItemBytes {
			return types.String(text), ""
		}
		return nil, shown(value) + ", and no text of a sensible length"
	}
	if items, ok := policyTexts(value); ok {
		return texts(items), ""
	}
	return nil, shown(value) + ", and no list of texts of a sensible length"
}

// shown names what a value is, and not what is in it: its author chose that.
func shown(value any) string {
	switch value.(type) {
	case string:
		return "it is a text"
	case bool:
		return "it is true or false"
	case int, int64, float64:
		return "it is a number"
	case []string, []any:
		return "it is a list"
	}
	return "it is something else"
}

// wholeNumber reads what the host takes for a count or a size.
func wholeNumber(value any) (int64, bool) {
	switch v := value.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) <= maxCount
	case string:
		n, err := limits.ParseSize(v)
		return n, err == nil
	}
	return 0, false
}

func decimal(value any) (types.Decimal, bool) {
	f, ok := value.(float64)
	if !ok {
		n, whole := value.(int64)
		if i, isInt := value.(int); isInt {
			n, whole = int64(i), true
		}
		if !whole {
			return types.Decimal{}, false
		}
		d, err := types.ParseDecimal(strconv.FormatInt(n, 10) + ".0")
		return d, err == nil
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	d, err := types.ParseDecimal(text) // which takes neither NaN nor Inf
	return d, err == nil
}

func policyTexts(value any) ([]string, bool) {
	items, ok := value.([]string)
	if list, isAny := value.([]any); isAny {
		ok = true
		for _, item := range list {
			text, isText := item.(string)
			ok = ok && isText
			items = append(items, text)
		}
	}
	size := 0
	for _, item := range items {
		size += len(item)
	}
	return items, ok && len(items) <= maxItems && size <= maxItemBytes
}
