// Package texts reads the string tables of a mod: one JSON file for each language,
// lang/<tag>.json, whose tag is one of BCP 47, such as lang/de.json or
// lang/pt-BR.json. A table is one object of keys and texts:
//
//	{
//	  "greeting": "Hello, {name}!",
//	  "apples": {"one": "{count} apple", "other": "{count} apples"}
//	}
//
// {name} stands for a value that is given with the key; a brace is written twice,
// {{ or }}. A text that depends on a number has a form for each of the language's
// plural categories (Unicode CLDR 32: zero, one, two, few, many, other), of which other
// is required; the value count decides.
//
// The author of the files is assumed to control every byte: what is read is bounded
// ([MaxFiles] and the like), and what is not as described is an [*Error].
package texts
