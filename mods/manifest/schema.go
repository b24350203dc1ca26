package manifest

import (
	"bytes"
	"encoding/json"
	"strings"
)

//go:generate go test -run TestGeneratedFiles . -args -update

// Schema returns a JSON Schema (draft-07, the newest that TOML editors know)
// of the manifest, for completion and checks while typing. It says what JSON
// Schema can say; Parse checks more.
func Schema() []byte {
	properties := map[string]any{}
	required := []string{}
	for _, s := range sections {
		properties[s.key] = s.schema()
		if s.required {
			required = append(required, s.key)
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	// Maps are written with sorted keys, so the text is always the same.
	if err := enc.Encode(map[string]any{
		"$schema":              "http://json-schema.org/draft-07/schema#",
		"title":                "mod.toml",
		"description":          "The manifest of a mod.",
		"type":                 "object",
		"additionalProperties": false,
		"properties":           properties,
		"required":             required,
	}); err != nil {
		panic(err) // strings, numbers and maps of them can be encoded
	}
	return out.Bytes()
}

func (s section) schema() map[string]any {
	out := map[string]any{"type": "object", "description": s.doc}
	if s.rows != nil {
		out["propertyNames"] = map[string]any{"pattern": s.rows.name.String(), "maxLength": 64}
		out["additionalProperties"] = s.rows.schema()
		out["maxProperties"] = s.rows.max
		return out
	}
	properties := map[string]any{}
	var required []string
	for _, f := range s.fields {
		properties[f.key] = f.schema()
		if f.required {
			required = append(required, f.key)
		}
	}
	out["properties"] = properties
	out["additionalProperties"] = false
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func (f field) schema() map[string]any {
	var out map[string]any
	number := map[string]any{"type": "integer", "minimum": 1, "maximum": int64(maxCount)}
	switch f.typ {
	case textField:
		out = f.textSchema()
	case listField:
		out = map[string]any{"type": "array", "items": f.textSchema(), "maxItems": f.maxItems}
	case countField:
		out = number
	case flagField:
		out = map[string]any{"type": "boolean"}
	case sizeField:
		out = map[string]any{"anyOf": []any{number, map[string]any{"type": "string", "pattern": sizePattern.String()}}}
	case timeField:
		out = map[string]any{"type": "string", "pattern": timePattern.String()}
	}
	out["description"] = f.doc
	if f.fallback != "" {
		out["description"] = f.doc + " If left out: " + f.fallback + "."
	}
	return out
}

func (f field) textSchema() map[string]any {
	out := map[string]any{"type": "string", "maxLength": f.max}
	if f.min > 0 {
		out["minLength"] = f.min
	}
	if f.pattern != nil {
		out["pattern"] = f.pattern.String()
	}
	return out
}

func rangeSchema() map[string]any {
	return map[string]any{
		"type": "string", "minLength": 1, "maxLength": maxRange, "pattern": rangePattern.String(),
		"description": strings.ToUpper(rangeForm[:1]) + rangeForm[1:] + ".",
	}
}

func exceptionSchema() map[string]any {
	return map[string]any{
		"type": "string", "minLength": 1, "maxLength": maxReason,
		"description": "Why it is well here.",
	}
}

func permissionSchema() map[string]any {
	scalar := map[string]any{"type": []string{"string", "number", "boolean"}, "maxLength": maxOptionText}
	return map[string]any{
		"type":     "object",
		"required": []string{"reason"},
		"properties": map[string]any{
			"reason":   map[string]any{"type": "string", "minLength": 1, "maxLength": maxReason, "description": "Why the mod wants it, for players."},
			"optional": map[string]any{"type": "boolean", "description": "Whether the mod can do without: then its table may be nil."},
		},
		"propertyNames": map[string]any{"pattern": optionPattern.String(), "maxLength": 64},
		"maxProperties": 2 + maxOptions,
		"additionalProperties": map[string]any{"anyOf": []any{
			scalar, map[string]any{"type": "array", "items": scalar, "maxItems": maxOptionItems},
		}},
	}
}
