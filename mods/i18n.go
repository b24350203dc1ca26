package mods

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/texts"
)

// DefaultLanguage is the player's language where [Config].Language is empty.
const DefaultLanguage = "en"

// missingTexts is how many keys that have no text a mod's author is told of.
const missingTexts = 64

// readTables reads the string tables among a mod's files. The error is a
// [*texts.Error].
func readTables(b *bundle.Bundle) (*texts.Tables, error) {
	files := map[string]string{}
	size := int64(0)
	for _, f := range b.Files() {
		if _, ok := texts.Path(f.Path); !ok {
			continue
		}
		// What is too much is not copied: Read says so from the first byte too many.
		if size += f.Size; f.Size > texts.MaxFile || size > texts.MaxAll || len(files) == texts.MaxFiles {
			return nil, &texts.Error{File: f.Path, Err: fmt.Errorf("it is too much: at most %d tables of %d bytes, and %d bytes in all", texts.MaxFiles, texts.MaxFile, texts.MaxAll)}
		}
		text, err := b.ReadFile(f.Path)
		if err != nil {
			return nil, &texts.Error{File: f.Path, Err: err}
		}
		files[f.Path] = string(text)
	}
	return texts.Read(files)
}

// SetLanguage sets the language in which mods' texts are, from the next tick on: a
// tag of BCP 47 such as "de" or "pt-BR".
//
// The errors: a [*ConfigError] for what is not a tag; [ErrStopped], [ErrClosed].
func (h *Host) SetLanguage(tag string) error {
	tag, err := texts.ParseTag(tag)
	if err != nil {
		return &ConfigError{Field: "Language", Err: err}
	}
	return h.tell(&languageInput{tag})
}

// languageInput is a SetLanguage.
type languageInput struct{ tag string }

func (in *languageInput) apply(h *Host) { h.language = in.tag }

// reader finds texts for one mod.
type reader struct {
	g       *Grantee
	tables  *texts.Tables
	own     string   // the mod's own language
	player  string   // that of chain
	chain   []string // where texts are looked up
	missing map[string]bool
}

// i18nCapability is "i18n": i18n.t, language.
func (h *Host) i18nCapability() Capability {
	return Capability{Name: "i18n", Risk: RiskNone,
		Doc: "Show texts in the player's language, from the mod's own files lang/<language>.json.",
		Options: []Option{{Name: "default", Type: TextOption, Default: DefaultLanguage,
			Doc: "the language of the texts that are shown where there are none in the player's",
			Check: func(v any) error {
				tag, err := texts.ParseTag(v.(string))
				if err == nil && tag != v {
					err = fmt.Errorf("write it as %q", tag)
				}
				return err
			}}},
		Grant: func(g *Grantee) ([]luasandbox.Member, error) {
			r := &reader{g: g, own: g.Options().Text("default")}
			if g.in != nil {
				r.tables = g.in.edition.texts
				r.warn()
			}
			return []luasandbox.Member{
				luasandbox.Func("t", r.t, luasandbox.Cost(200),
					luasandbox.Params("key", "values"), luasandbox.Returns("text"),
					luasandbox.Doc("Returns the text of a key in the player's language, in the mod's own if that has none, or else the key. The field name of values is put in the place of {name}; its field count decides between the plural forms of a text.")),
				luasandbox.Func("language", func() string { return g.host().language },
					luasandbox.Anywhere(), luasandbox.Returns("language"),
					luasandbox.Doc("Returns the player's language, as \"pt-BR\".")),
			}, nil
		}}
}

// warn tells of a mod whose own language has no table.
func (r *reader) warn() {
	tags := r.tables.Tags()
	for _, tag := range tags {
		for _, own := range texts.Chain(r.own, "") {
			if tag == own {
				return
			}
		}
	}
	if len(tags) > 0 {
		r.g.host().cfg.Logger.Warn("mod has texts, and none in its own language", "mod", r.g.ID(), "language", r.own, "has", strings.Join(tags, ", "))
	}
}

// t returns a text.
func (r *reader) t(ctx context.Context, key string, values any) (string, error) {
	table, isTable := values.(map[string]any)
	if values != nil && !isTable {
		return "", scriptErrorf("i18n.t: values must be a table with names, as {count = 3}")
	}
	if language := r.g.host().language; r.chain == nil || r.player != language {
		r.player, r.chain = language, texts.Chain(language, r.own)
	}
	text := r.tables.Find(r.chain, key)
	if text == nil {
		r.miss(key)
		return key, nil
	}
	count, counted := table["count"].(float64)
	template := text.Template(count, counted)
	if err := luasandbox.Charge(ctx, 100*int64(template.Parts()), 64*int64(template.Parts())); err != nil {
		return "", err
	}
	var wrong string
	find := func(name string) (string, bool) {
		switch v := table[name].(type) {
		case nil:
			return "", false
		case string:
			return v, true
		case bool:
			return strconv.FormatBool(v), true
		case float64:
			return shownNumber(v), true
		}
		wrong = name
		return "", false
	}
	size := template.Size(find)
	if wrong != "" {
		return "", scriptErrorf("i18n.t: the value of %q is neither a text, nor a number, nor true or false", wrong)
	}
	if most := r.g.Limits().String; int64(size) > most {
		return "", scriptErrorf("i18n.t: the text of %s would have %d bytes; at most %d", shown(key), size, most)
	}
	if err := luasandbox.Charge(ctx, int64(size)/4, int64(size)); err != nil {
		return "", err
	}
	return template.Format(find), nil
}

// shownNumber is a number as players read it: 1000000, and not 1e+06.
func shownNumber(n float64) string {
	if n == math.Trunc(n) && math.Abs(n) <= maxInteger {
		return strconv.FormatInt(int64(n), 10)
	}
	return strconv.FormatFloat(n, 'g', 14, 64)
}

// miss tells of a key without a text, once for each as long as the mod is loaded.
func (r *reader) miss(key string) {
	key = clip(key, texts.MaxKey)
	if r.missing[key] || len(r.missing) > missingTexts {
		return
	}
	if r.missing == nil {
		r.missing = map[string]bool{}
	}
	r.missing[strings.Clone(key)] = true
	logger := r.g.host().cfg.Logger
	if len(r.missing) > missingTexts {
		logger.Warn("mod has no texts for further keys, which are not told", "mod", r.g.ID())
		return
	}
	logger.Warn("mod has no text for a key", "mod", r.g.ID(), "key", escape(key), "languages", strings.Join(r.chain, ", "))
}
