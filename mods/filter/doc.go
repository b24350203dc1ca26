// Package filter cleans the texts that mods send to an engine: chat, names, log
// lines. A [Filter] says what may pass; its Clean returns a text that
//
//   - is valid UTF-8 in Unicode's normal form C,
//   - has at most so many bytes, characters and lines,
//   - holds only characters that can be seen, single spaces and, where several
//     lines are allowed, "\n": no control characters, no marks of direction
//     (Unicode Standard Annex #9), nothing of zero width, no blank letters, no
//     private, unassigned or surrogate code points,
//   - has at most a few combining marks on one character, and none without one,
//   - holds none of the characters with which markup begins, unless asked to.
//
// Clean is pure, takes time in proportion to what it looks at, and looks at no
// more than four times the bytes that may come out, however long the text is. To
// clean a text a second time changes nothing.
//
// # What is not promised
//
// Letters stay letters: a Cyrillic "а" looks like a Latin "a", and words are not
// judged. Letters of scripts that run from right to left stay too; who shows a
// text inside another isolates it (U+2068, U+2069, or the means of the display).
// A text without markup is not thereby fit for every language that the engine
// may put it into: SQL, shell commands, HTML attributes and format strings need
// the escape of their own, made where the text is put in.
package filter
