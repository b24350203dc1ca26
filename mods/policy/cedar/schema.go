package cedar

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	schemaast "github.com/cedar-policy/cedar-go/x/exp/schema/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
)

// valueType is what a value is, in the words of the reference.
type valueType string

const (
	flagType    valueType = "flag"    // Bool
	numberType  valueType = "number"  // Long
	decimalType valueType = "decimal" // decimal
	textType    valueType = "text"    // String
	textsType   valueType = "texts"   // Set<String>
	recordType  valueType = "group"   // a record: what has a name behind a point
)

func (t valueType) cedar() schemaast.IsType {
	switch t {
	case flagType:
		return schemaast.Bool()
	case numberType:
		return schemaast.Long()
	case decimalType:
		return schemaast.Decimal()
	case textType:
		return schemaast.String()
	}
	return schemaast.Set(schemaast.String())
}

// attribute is one thing that rules may look at. This table is all there is: the
// schema that Cedar's validator gets, the checks, and REFERENCE.md come from it.
type attribute struct {
	path     string // as rules write it
	typ      valueType
	words    []string // all values that there are; nil: any
	min, max int64    // of a number; both 0: any
	doc      string
}

var signatures = []policy.Signature{policy.Unsigned, policy.Trusted, policy.UnknownKey, policy.BadSig,
	policy.Expired, policy.Revoked, policy.NotEntitled, policy.Mismatch}

var (
	riskWords     = []string{"none", "low", "medium", "high"}
	advisoryWords = []string{"none", "low", "medium", "high", "critical"}
)

// maxCount is beyond every count that there is.
const maxCount = 1 << 53

var attributes = append([]attribute{
	{path: "principal.id", typ: textType, doc: "The mod's id, such as `weather`. A signature by somebody who may sign that id is what makes it more than a claim."},
	{path: "principal.version", typ: textType, doc: "Its version."},
	{path: "principal.library", typ: flagType, doc: "Whether it is a library: copied into other mods, with no permissions of its own."},

	{path: "resource.name", typ: textType, doc: "The name of the capability, such as `storage`. To mean one of them, write `resource == Capability::\"storage\"` in the head."},
	{path: "resource.version", typ: textType, doc: "Its version, as the host would give it; empty if that is not known."},
	{path: "resource.risk", typ: textType, words: riskWords, doc: "Its risk, as the host declares it; `high` if that is not known."},
	{path: "resource.optional", typ: flagType, doc: "Whether the mod can do without."},
	{path: "resource.options", typ: textsType, doc: "The names of the options that the request has."},

	{path: "context.environment", typ: textType, doc: "Where the mod is to run, in the operator's words: `server`, `player`, `development`, `ci`."},
	{path: "context.interactive", typ: flagType, doc: "Whether there is a person who can answer now."},
	{path: "context.signature", typ: textType, words: signatureWords(), doc: "What is known of who signed the mod. Only `trusted` says anything good."},
	{path: "context.publisher", typ: textType, doc: "To whom the trust store says that the key belongs; empty unless the signature is trusted. `principal in Publisher::\"name\"` says the same."},
	{path: "context.keys", typ: textsType, doc: "The ids of the keys with good signatures, trusted or not."},
	{path: "context.risk", typ: numberType, min: 0, max: 100, doc: "The risk score of the mod as a whole."},
	{path: "context.findings.errors", typ: numberType, max: maxCount, doc: "How many errors the static check found. One that the mod's author justified counts as a warning."},
	{path: "context.findings.warnings", typ: numberType, max: maxCount, doc: "How many warnings. One that the author justified counts as a note."},
	{path: "context.findings.notes", typ: numberType, max: maxCount, doc: "How many notes."},
	{path: "context.findings.rules", typ: textsType, doc: "The ids of the rules of the static check that found something, whether its author justified that or not."},
	{path: "context.advisories.count", typ: numberType, max: maxCount, doc: "How many published advisories are about this version."},
	{path: "context.advisories.ids", typ: textsType, doc: "Their ids."},
	{path: "context.advisories.worst", typ: textType, words: advisoryWords, doc: "The severity of the worst of them; `none` if there is none."},
	{path: "context.update.known", typ: flagType, doc: "Whether a version of this mod was approved before. If not, the other four are false."},
	{path: "context.update.more", typ: flagType, doc: "Whether it asks for something that was not granted then."},
	{path: "context.update.signer_changed", typ: flagType, doc: "Whether somebody else signed it."},
	{path: "context.update.risk_raised", typ: flagType, doc: "Whether its risk is higher."},
	{path: "context.update.downgrade", typ: flagType, doc: "Whether its version is lower."},
}, limitAttributes()...)

func signatureWords() []string {
	words := make([]string, len(signatures))
	for i, s := range signatures {
		words[i] = string(s)
	}
	return words
}

// limitAttribute is the name of a limit in context.limits.
func limitAttribute(kind limits.Kind) string {
	if kind == limits.Time {
		return "time_ms"
	}
	return kind.String()
}

func limitAttributes() []attribute {
	docs := map[limits.Kind]string{
		limits.Instructions: "instructions in one call", limits.Memory: "bytes in use at one time",
		limits.Time: "milliseconds that one call takes on the clock", limits.Depth: "calls inside each other",
		limits.Coroutines: "coroutines alive at one time", limits.Output: "bytes written in one call",
		limits.HostCalls: "calls of host functions in one call", limits.String: "bytes in one string",
		limits.Source: "bytes in one Lua file", limits.Nesting: "levels of nesting in Lua source",
	}
	var out []attribute
	for _, kind := range limits.Kinds() {
		out = append(out, attribute{path: "context.limits." + limitAttribute(kind), typ: numberType, max: limits.Unlimited,
			doc: "What the mod asks for: " + docs[kind] + ". 0 if it does not ask."})
	}
	return out
}

// optionGroup is a group of resource in which the options of a request stand that
// have one type.
type optionGroup struct {
	name string
	typ  valueType
	doc  string
}

var optionGroups = []optionGroup{
	{"count", numberType, "Options that are whole numbers or sizes, in bytes where the request says `64KiB`."},
	{"number", decimalType, "Options that are numbers with a fraction: `resource.number.rate.greaterThan(decimal(\"0.5\"))`. One with more than four digits after the point cannot be compared, and is denied."},
	{"text", textType, "Options that are texts."},
	{"list", textsType, "Options that are lists of texts."},
	{"flag", flagType, "Options that are true or false."},
}

func groupNamed(name string) (optionGroup, bool) {
	i := slices.IndexFunc(optionGroups, func(g optionGroup) bool { return g.name == name })
	if i < 0 {
		return optionGroup{}, false
	}
	return optionGroups[i], true
}

// attributeNamed finds an attribute by its path. A path of which others go on is a
// group.
func attributeNamed(path string) (attribute, bool) {
	a, ok := byPath()[path]
	return a, ok
}

var byPath = sync.OnceValue(func() map[string]attribute {
	index := map[string]attribute{}
	for _, a := range attributes {
		index[a.path] = a
		for path := a.path; ; {
			cut := strings.LastIndexByte(path, '.')
			if cut < 0 {
				break
			}
			path = path[:cut]
			index[path] = attribute{path: path, typ: recordType}
		}
	}
	for _, g := range optionGroups {
		index["resource."+g.name] = attribute{path: "resource." + g.name, typ: recordType}
	}
	return index
})

// members returns the names that may stand behind a group.
func members(group string) []string {
	var names []string
	for path := range byPath() {
		if rest, ok := strings.CutPrefix(path, group+"."); ok && !strings.Contains(rest, ".") {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return names
}

// suggest words a guess at what was meant, or nothing.
func suggest(name string, candidates []string) string {
	if near := manifest.Nearest(name, candidates); near != "" {
		return fmt.Sprintf("; did you mean `%s`?", near)
	}
	return ""
}

// option is one option of a capability that a policy looks at.
type option struct{ group, name string }

func (o option) String() string { return "resource." + o.group + "." + o.name }

// validator returns Cedar's own validator, for a policy that looks at these options.
func validator(options map[option]bool) (*validate.Validator, error) {
	shape := func(root string) schemaast.RecordType {
		record := schemaast.RecordType{}
		for _, a := range attributes {
			rest, ok := strings.CutPrefix(a.path, root+".")
			if !ok {
				continue
			}
			names, at := strings.Split(rest, "."), record
			for _, name := range names[:len(names)-1] {
				if _, there := at[types.String(name)]; !there {
					at[types.String(name)] = schemaast.Attribute{Type: schemaast.RecordType{}}
				}
				at = at[types.String(name)].Type.(schemaast.RecordType)
			}
			at[types.String(names[len(names)-1])] = schemaast.Attribute{Type: a.typ.cedar()}
		}
		return record
	}
	capability := shape("resource")
	for _, g := range optionGroups {
		group := schemaast.RecordType{}
		for o := range maps.Keys(options) {
			if o.group == g.name {
				group[types.String(o.name)] = schemaast.Attribute{Type: g.typ.cedar(), Optional: true}
			}
		}
		capability[types.String(g.name)] = schemaast.Attribute{Type: group}
	}
	applies := func(to schemaast.EntityTypeRef) schemaast.Action {
		return schemaast.Action{AppliesTo: &schemaast.AppliesTo{
			Principals: []schemaast.EntityTypeRef{modType}, Resources: []schemaast.EntityTypeRef{to}, Context: shape("context"),
		}}
	}
	resolved, err := schema.NewSchemaFromAST(&schemaast.Schema{
		Entities: schemaast.Entities{
			modType:        {ParentTypes: []schemaast.EntityTypeRef{publisherType}, Shape: shape("principal")},
			publisherType:  {},
			capabilityType: {Shape: capability},
			hostType:       {},
		},
		Actions: schemaast.Actions{types.String(load): applies(hostType), types.String(grant): applies(capabilityType)},
	}).Resolve()
	if err != nil {
		return nil, err
	}
	return validate.New(resolved, validate.WithStrict()), nil
}
