package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"golang.org/x/mod/module"

	"github.com/luasandbox/modrunner/limits"
)

// fieldType is what a value has to be.
type fieldType int

const (
	textField  fieldType = iota // a string
	listField                   // an array of strings
	countField                  // a whole number from 1
	sizeField                   // a whole number from 1, or a string as "16MiB"
	flagField                   // true or false
	timeField                   // a string as "50ms"
)

// field declares one key.
type field struct {
	key      string
	typ      fieldType
	required bool
	doc      string // for the reference and for editors
	example  string // a value in TOML
	fallback string // what holds if the key is not there, in words

	// Of a textField, and of each element of a listField.
	min, max  int // characters
	multiline bool
	pattern   *regexp.Regexp // also published in the schema: a subset of ECMA-262
	form      string         // the pattern in words

	maxItems int // of a listField

	// store puts a value of the right form (string, []string, int64, bool or
	// time.Duration) into the manifest. An error says what would be right.
	store func(*Manifest, any) error
}

// section declares one table. It has either fields or rows.
type section struct {
	key      string
	doc      string
	required bool
	fields   []field
	rows     *rows
}

// rows declares a table whose keys are names that the author chooses.
type rows struct {
	name    *regexp.Regexp
	form    string // the pattern of the name in words
	noun    string // what a name stands for
	value   string // what a value is, in words
	example string // a row in TOML
	tables  bool   // whether the values are tables
	max     int
	read    func(r *reader, path []string, name string, value any)
	schema  func() map[string]any // of one value
}

const (
	maxRows        = 64
	maxOptions     = 32
	maxOptionItems = 64
	maxOptionText  = 1024
	maxReason      = 200
	maxRange       = 100

	maxCount = 1_000_000_000_000_000
	maxTime  = 24 * time.Hour
)

var (
	idPattern         = regexp.MustCompile(`^[a-z][a-z0-9]*([._-][a-z0-9]+)*$`)
	capabilityPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)
	exceptionPattern  = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	optionPattern     = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	rangePattern      = regexp.MustCompile(`^[0-9A-Za-z.*^~<>=!|, +-]+$`)
	licensePattern    = regexp.MustCompile(`^[A-Za-z0-9(][A-Za-z0-9.+() -]*$`)
	entryPattern      = regexp.MustCompile(`^[^\\:]+\.lua$`)
	versionPattern    = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	sizePattern       = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(B|kB|KB|MB|GB|KiB|MiB|GiB)?$`)
	timePattern       = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`)
)

const (
	idForm         = "small letters and digits, in parts joined by '.', '-' or '_', beginning with a letter"
	capabilityForm = "small letters, digits and '_', in parts joined by '.'"
	exceptionForm  = "small letters and digits, in parts joined by '-'"
	rangeForm      = `a range of versions such as "^1.2" or ">=1.0, <3.0"`
	sizeForm       = `a number of bytes, or a size such as "16MiB"`
	timeForm       = `a duration such as "50ms" or "1.5s"`
)

// sections is the declaration of the whole manifest, in the order of its
// documentation. It is filled by init because its functions refer to it.
var sections []section

func init() {
	sections = []section{
		{key: "mod", required: true, doc: "What the mod is.", fields: modFields},
		{key: "permissions", doc: "Which capabilities of the host the mod wants, each with the reason. What is not asked for is never there; what is asked for may be refused.", rows: &rows{
			name: capabilityPattern, form: capabilityForm, noun: "capability", tables: true, max: maxRows,
			value:   fmt.Sprintf("A table with `reason`, a text of 1 to %d characters (required), with `optional = true` if the mod can do without, and with the options that the capability has. An option is a string, a number, a boolean or an array of these.", maxReason),
			example: "storage = { reason = \"remembers the season\", quota = \"64KiB\" }",
			read:    (*reader).permission, schema: permissionSchema,
		}},
		{key: "limits", doc: "How much the mod asks for. The host gives at most what its own policy allows.", fields: limitFields},
		{key: "settings", doc: "What the player can choose, in a menu of the game. The mod reads it with the capability \"config\".", rows: &rows{
			name: settingPattern, form: settingForm, noun: "setting", tables: true, max: maxRows,
			value:   settingValue,
			example: "rain = { type = \"integer\", title = \"How often it rains\", min = 0, max = 100, default = 20 }",
			read:    (*reader).setting, schema: settingSchema,
		}},
		{key: "dependencies", doc: "Other mods that have to be there, and which versions of them.",
			rows: requirementRows("\"com.example.base\" = \"^1.2\"", func(m *Manifest) *[]Requirement { return &m.Dependencies })},
		{key: "optional_dependencies", doc: "Other mods that are loaded before this one, if they are there.",
			rows: requirementRows("seasons = \">=2.0, <4.0\"", func(m *Manifest) *[]Requirement { return &m.OptionalDependencies })},
		{key: "conflicts", doc: "Other mods that must not be there in these versions.",
			rows: requirementRows("old-weather = \"*\"", func(m *Manifest) *[]Requirement { return &m.Conflicts })},
		{key: "libraries", doc: "Libraries that are copied into this mod. `require(\"the.id\")` runs a library's first file, `require(\"the.id.part\")` its file `part.lua`. A copy belongs to this mod alone, and can do what it can.",
			rows: requirementRows("\"com.example.vectors\" = \"^2.1\"", func(m *Manifest) *[]Requirement { return &m.Libraries })},
		{key: "load_after", doc: "Other mods that are loaded before this one, if they are there in these versions. Nothing else follows from it.",
			rows: requirementRows("terrain = \"*\"", func(m *Manifest) *[]Requirement { return &m.LoadAfter })},
		{key: "exceptions", doc: "Findings of `modrunner check` that are as they should be: the id of the rule, and why. They are shown to whoever decides about the mod.", rows: &rows{
			name: exceptionPattern, form: exceptionForm, noun: "rule", max: maxRows,
			value:   fmt.Sprintf("A string: why it is well here, in 1 to %d characters.", maxReason),
			example: "code-from-string = \"it is a console for players: what they type is run\"",
			read:    (*reader).exception, schema: exceptionSchema,
		}},
	}
}

var modFields = []field{
	{
		key: "id", required: true, example: `"com.example.weather"`,
		doc: "The name by which the host and other mods know the mod. It never changes.",
		min: 3, max: 64, pattern: idPattern, form: idForm,
		store: func(m *Manifest, v any) error {
			m.ID = v.(string)
			return CheckID(m.ID)
		},
	},
	{
		key: "version", required: true, example: `"1.0.0"`,
		doc: "The version, as Semantic Versioning 2.0.0 has it: all three numbers, no \"v\".",
		min: 1, max: 100, pattern: versionPattern, form: `three numbers as in "1.0.0"`,
		store: func(m *Manifest, v any) (err error) {
			if m.Version, err = semver.StrictNewVersion(v.(string)); err != nil {
				return fmt.Errorf(`not a semantic version such as "1.0.0" or "2.1.0-beta.1" (%v)`, err)
			}
			return nil
		},
	},
	{
		key: "name", example: `"Weather"`, fallback: "the id",
		doc: "The name that players see.",
		min: 1, max: 80,
		store: func(m *Manifest, v any) error { m.Name = v.(string); return nil },
	},
	{
		key: "description", example: `"Rain, snow and the odd thunderstorm."`,
		doc: "What the mod does, for players.",
		max: 1000, multiline: true,
		store: func(m *Manifest, v any) error { m.Description = v.(string); return nil },
	},
	{
		key: "authors", typ: listField, example: `["Ada", "Grace"]`,
		doc: "Who made it.",
		min: 1, max: 100, maxItems: 20,
		store: func(m *Manifest, v any) error { m.Authors = v.([]string); return nil },
	},
	{
		key: "license", example: `"MIT"`,
		doc: "An SPDX license expression.",
		min: 1, max: 100, pattern: licensePattern, form: `an SPDX expression such as "MIT" or "Apache-2.0 OR MIT"`,
		store: func(m *Manifest, v any) error { m.License = v.(string); return nil },
	},
	{
		key: "entry", example: `"main.lua"`, fallback: `"main.lua"`,
		doc: "The Lua file that is run first: a path inside the mod, with slashes.",
		min: 5, max: 255, pattern: entryPattern, form: `a path that ends in ".lua"`,
		store: func(m *Manifest, v any) error {
			m.Entry = v.(string)
			switch {
			case !fs.ValidPath(m.Entry):
				return fmt.Errorf("not a clean path inside the mod; write it without \"..\", \".\", and a slash in front")
			case strings.HasPrefix(m.Entry, ".") || strings.Contains(m.Entry, "/."):
				return fmt.Errorf("hidden files are not part of a mod")
			case module.CheckFilePath(m.Entry) != nil:
				return fmt.Errorf("not a name that every system can store")
			}
			return nil
		},
	},
	{
		key: "library", typ: flagField, example: "false", fallback: "false",
		doc:   "Whether the mod is a library, which is only ever copied into other mods: see [libraries]. It asks for no permissions and has no settings, and all that it needs are libraries.",
		store: func(m *Manifest, v any) error { m.Library = v.(bool); return nil },
	},
	{
		key: "api", example: `"^1.0"`, fallback: "every version",
		doc: "The versions of the host's API for which the mod was written.",
		min: 1, max: maxRange, pattern: rangePattern, form: rangeForm,
		store: func(m *Manifest, v any) (err error) { m.API, err = parseRange(v.(string)); return err },
	},
}

var limitFields = []field{
	limitField("instructions", countField, limits.Instructions, "20_000_000", "Instructions in one call."),
	limitField("memory", sizeField, limits.Memory, `"16MiB"`, "Bytes in use at one time."),
	limitField("time", timeField, limits.Time, `"50ms"`, "Time that one call takes on the clock."),
	limitField("depth", countField, limits.Depth, "200", "Calls inside each other."),
	limitField("coroutines", countField, limits.Coroutines, "100", "Coroutines alive at one time."),
	limitField("output", sizeField, limits.Output, `"64KiB"`, "Bytes written in one call."),
	limitField("host_calls", countField, limits.HostCalls, "10_000", "Calls of host functions in one call."),
	limitField("string", sizeField, limits.String, `"1MiB"`, "Bytes in one string."),
	limitField("source", sizeField, limits.Source, `"256KiB"`, "Bytes in one Lua file."),
	limitField("nesting", countField, limits.Nesting, "100", "Levels of nesting in Lua source."),
}

func limitField(key string, typ fieldType, kind limits.Kind, example, doc string) field {
	return field{key: key, typ: typ, example: example, doc: doc, fallback: "the host's own",
		store: func(m *Manifest, v any) error {
			n, ok := v.(int64)
			if !ok {
				n = int64(v.(time.Duration))
			}
			m.Limits = m.Limits.With(kind, n)
			return nil
		}}
}

func requirementRows(example string, list func(*Manifest) *[]Requirement) *rows {
	return &rows{
		name: idPattern, form: idForm, noun: "mod id", max: maxRows,
		value:   "A string: the range of versions, as `\"^1.2\"` or `\">=1.0, <3.0\"`; `\"*\"` is every version that is not a prerelease.",
		example: example,
		schema:  rangeSchema,
		read: func(r *reader, path []string, name string, value any) {
			text, ok := value.(string)
			if !ok {
				r.wrongType(path, value, rangeForm)
				return
			}
			if name == r.man.ID && name != "" {
				r.add(BadValue, path, "a mod cannot name itself here")
				return
			}
			parsed, err := ParseRange(text)
			if err != nil {
				r.addValue(path, err.Error())
				return
			}
			into := list(r.man)
			*into = append(*into, Requirement{ID: name, Range: parsed})
		},
	}
}

func parseRange(text string) (Range, error) {
	constraints, err := semver.NewConstraint(text)
	for group := range strings.SplitSeq(text, "||") {
		if strings.TrimSpace(group) == "" { // which semver takes for "everything"
			err = semver.ErrEmptyString
		}
	}
	if err != nil {
		return Range{}, fmt.Errorf("not %s", rangeForm)
	}
	return Range{Text: text, Constraints: constraints}, nil
}

// ParseRange reads a range of versions as manifests write it, where another file, or a
// person, names one. The error says what would be right.
func ParseRange(text string) (Range, error) {
	if message := checkText(text, field{min: 1, max: maxRange, pattern: rangePattern, form: rangeForm}); message != "" {
		return Range{}, errors.New(message)
	}
	return parseRange(text)
}

// CheckID says what is wrong with the id of a mod, as manifests want it.
func CheckID(id string) error {
	if message := checkText(id, field{min: 3, max: 64, pattern: idPattern, form: idForm}); message != "" {
		return errors.New(message)
	}
	if module.CheckFilePath(id) != nil {
		return fmt.Errorf("%q is the name of a device on Windows", id)
	}
	return nil
}
