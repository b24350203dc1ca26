package bundle

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// Contents is the content list of a packed bundle: what it is, and each thing in it
// with its size and SHA-256. It is what a signature is over.
//
// The list is text, in lines that end in a newline each:
//
//	modrunner contents 1
//	id weather
//	version 1.2.0
//	digest h1:2F2BEZ7WsYrG4NdU4AhZ+gKfyO1k0lPuYaPqfSR5Q2o=
//	9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 4 main.lua
//
// The files of the mod and its attachments, other than the list itself and
// signatures, follow each other sorted by the bytes of their paths. There is one
// list for a bundle, to the byte.
type Contents struct {
	ID      string // as in the manifest
	Version string // as in the manifest
	Digest  string // of the bundle
	Files   []File // sorted by path
}

// contentsFormat is the first line. Another form of the list has another number.
const contentsFormat = "modrunner contents 1"

// Bytes returns the list as text.
func (c *Contents) Bytes() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\nid %s\nversion %s\ndigest %s\n", contentsFormat, c.ID, c.Version, c.Digest)
	for _, f := range c.Files {
		fmt.Fprintf(&out, "%x %d %s\n", f.SHA256, f.Size, f.Path)
	}
	return out.Bytes()
}

// Pack returns the bundle with the content list that belongs to it. Attach first
// what the list is to name. Signatures stay if the list is the one that was there
// before, and are taken away if not, since they are over other bytes.
//
// The error is a [*manifest.Error], or an [*Error] with [TooBig] or [TooMany].
func Pack(b *Bundle) (*Bundle, error) {
	want, err := b.contents()
	if err != nil {
		return nil, err
	}
	text := want.Bytes()
	changes := map[string][]byte{ContentsName: text}
	if b.attached[ContentsName] != string(text) {
		for _, f := range b.attachments {
			if IsSignature(f.Path) {
				changes[f.Path] = nil
			}
		}
	}
	return b.WithAttachments(changes)
}

// Packed reports whether there is a content list. [Bundle.Contents] says whether it
// is right.
func (b *Bundle) Packed() bool {
	_, ok := b.attached[ContentsName]
	return ok
}

// Contents returns the content list, if it is the one that belongs to the bundle.
//
// The error is a [*manifest.Error], or an [*Error]: [NotPacked] if there is no list;
// [BadContents], [Unsorted] or [Duplicate] if it is no list; [ManifestDiffers] if its
// id or version is not the manifest's; [ContentsDiffer] if it lists other things
// than there are.
func (b *Bundle) Contents() (*Contents, error) {
	text, ok := b.attached[ContentsName]
	if !ok {
		return nil, &Error{Path: ContentsName, Reason: NotPacked, Detail: "there is no content list; modrunner pack makes it"}
	}
	have, err := parseContents(text)
	if err != nil {
		return nil, err
	}
	want, err := b.contents()
	if err != nil {
		return nil, err
	}
	if err := have.same(want); err != nil {
		return nil, err
	}
	return have, nil
}

// contents makes the list that belongs to the bundle.
func (b *Bundle) contents() (*Contents, error) {
	man, err := manifest.Parse(ManifestName, b.Manifest())
	if err != nil {
		return nil, err
	}
	c := &Contents{ID: man.ID, Version: man.Version.String(), Digest: b.digest}
	for _, f := range b.attachments {
		if f.Path != ContentsName && !IsSignature(f.Path) {
			c.Files = append(c.Files, f)
		}
	}
	c.Files = append(c.Files, b.files...)
	slices.SortFunc(c.Files, func(x, y File) int { return strings.Compare(x.Path, y.Path) })
	return c, nil
}

// same compares a list with the one that belongs to the bundle.
func (c *Contents) same(want *Contents) error {
	for _, of := range []struct{ what, listed, is string }{{"id", c.ID, want.ID}, {"version", c.Version, want.Version}} {
		if of.listed != of.is {
			return &Error{Path: ManifestName, Reason: ManifestDiffers, Detail: fmt.Sprintf("its %s is %q, and that of the content list %q", of.what, of.is, of.listed)}
		}
	}
	differ := func(path, format string, args ...any) error {
		return &Error{Path: path, Reason: ContentsDiffer, Detail: fmt.Sprintf(format, args...)}
	}
	listed, there := c.Files, want.Files
	for len(listed) > 0 || len(there) > 0 {
		switch {
		case len(there) == 0 || len(listed) > 0 && listed[0].Path < there[0].Path:
			return differ(listed[0].Path, "it is on the content list, and not there")
		case len(listed) == 0 || there[0].Path < listed[0].Path:
			return differ(there[0].Path, "it is there, and not on the content list")
		case listed[0].Size != there[0].Size:
			return differ(there[0].Path, "it has %d bytes, and %d on the content list", there[0].Size, listed[0].Size)
		case listed[0].SHA256 != there[0].SHA256:
			return differ(there[0].Path, "it has other bytes than the content list says: SHA-256 %x, and %x on the list", there[0].SHA256, listed[0].SHA256)
		}
		listed, there = listed[1:], there[1:]
	}
	if c.Digest != want.Digest {
		return differ(ContentsName, "it is for the digest %s, and the bundle has %s", c.Digest, want.Digest)
	}
	return nil
}

// parseContents reads a content list. It accepts what [Contents.Bytes] writes, and
// nothing else, so that one list has one text.
func parseContents(text string) (*Contents, error) {
	number := 0
	bad := func(reason Reason, format string, args ...any) (*Contents, error) {
		detail := fmt.Sprintf(format, args...)
		if number > 0 {
			detail = fmt.Sprintf("line %d: %s", number, detail)
		}
		return nil, &Error{Path: ContentsName, Reason: reason, Detail: detail}
	}
	switch {
	case len(text) > MaxAttachmentBytes:
		return bad(TooBig, "%d bytes; a content list has at most %d", len(text), MaxAttachmentBytes)
	case !utf8.ValidString(text):
		return bad(BadContents, "not UTF-8")
	case !strings.HasSuffix(text, "\n"):
		return bad(BadContents, "it does not end in a newline: cut short?")
	}
	c := &Contents{}
	head := []struct {
		word string
		to   *string
	}{{"id", &c.ID}, {"version", &c.Version}, {"digest", &c.Digest}}
	for line := range strings.Lines(text) {
		number++
		line = line[:len(line)-1]
		switch {
		case number == 1:
			if line != contentsFormat {
				return bad(BadContents, "%q; a list of this form begins with %q", short(line), contentsFormat)
			}
		case number <= 1+len(head):
			part := head[number-2]
			word, value, _ := strings.Cut(line, " ")
			if word != part.word || value == "" || strings.ContainsFunc(value, notGraphic) {
				return bad(BadContents, "%q; want %s and a value", short(line), part.word)
			}
			*part.to = value
			if part.word == "digest" {
				if parsed, err := ParseDigest(value); err != nil || parsed != value {
					return bad(BadContents, "%q is no digest of a bundle", short(value))
				}
			}
		default:
			f, problem := parseContentsLine(line)
			if problem != "" {
				return bad(BadContents, "%s", problem)
			}
			if n := len(c.Files); n > 0 {
				switch order := strings.Compare(c.Files[n-1].Path, f.Path); {
				case order == 0:
					return bad(Duplicate, "%q is listed twice", f.Path)
				case order > 0:
					return bad(Unsorted, "%q is listed after %q", f.Path, c.Files[n-1].Path)
				}
			}
			c.Files = append(c.Files, f)
		}
	}
	if number < 1+len(head) {
		return bad(BadContents, "the list ends here; want id, version and digest")
	}
	return c, nil
}

// parseContentsLine reads one line, or says what is wrong with it.
func parseContentsLine(line string) (f File, problem string) {
	sum, rest, _ := strings.Cut(line, " ")
	size, path, _ := strings.Cut(rest, " ")
	hash, err := hex.DecodeString(sum)
	if err != nil || len(hash) != len(f.SHA256) || strings.ToLower(sum) != sum {
		return f, fmt.Sprintf("%q; want a SHA-256 in 64 small hexadecimal digits, a size and a path", short(line))
	}
	copy(f.SHA256[:], hash)
	f.Size, err = strconv.ParseInt(size, 10, 64)
	if err != nil || f.Size < 0 || strconv.FormatInt(f.Size, 10) != size {
		return f, fmt.Sprintf("the size %q; want a number of bytes", short(size))
	}
	f.Path = path
	if err := CheckPath(path); err != nil {
		return f, err.(*Error).Detail
	}
	if hidden(path) && path != ProvenanceName && path != SBOMName {
		return f, fmt.Sprintf("%q is no file of a mod, and nothing that a list names", short(path))
	}
	return f, ""
}

func notGraphic(r rune) bool { return r <= ' ' || r > '~' }

// short is the beginning of a text, for a message.
func short(text string) string {
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "..."
	}
	return text
}
