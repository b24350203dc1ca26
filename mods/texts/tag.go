package texts

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// maxTag is how long a language tag can be: RFC 5646, section 4.4.1.
const maxTag = 35

var tagPattern = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// ParseTag returns a language tag in its canonical form (BCP 47), as "pt-BR" for
// "pt-br". The error says what would be right.
func ParseTag(text string) (string, error) {
	if len(text) > maxTag || !tagPattern.MatchString(text) {
		return "", fmt.Errorf(`%.*q is not a language tag such as "en" or "pt-BR"`, maxTag, text)
	}
	tag, err := language.Parse(text)
	if err != nil {
		return "", fmt.Errorf(`%q is not the tag of a language that is known, such as "en" or "pt-BR"`, text)
	}
	return tag.String(), nil
}

// Chain returns the languages in which a text is looked up, the first first: the
// player's, that without its last subtag, and so on ("zh-Hant-TW", "zh-Hant", "zh":
// the lookup of RFC 4647, section 3.4), then the mod's own in the same way. Both are
// canonical tags.
func Chain(player, own string) []string {
	var chain []string
	for _, tag := range []string{player, own} {
		for tag != "" {
			if !slices.Contains(chain, tag) {
				chain = append(chain, tag)
			}
			i := max(0, strings.LastIndexByte(tag, '-'))
			if i > 1 && tag[i-2] == '-' { // a single letter is no end: "en-x-pirate"
				i -= 2
			}
			tag = tag[:i]
		}
	}
	return chain
}
