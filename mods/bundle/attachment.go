package bundle

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// What may be attached to a mod, in the folder ".pack" at its top. Attachments are
// said about a bundle, by whom it may be: they are no part of its files, of its
// digest and of what it runs. Nothing else may be in that folder.
const (
	// ContentsName is the content list that [Pack] writes; see [Contents].
	ContentsName = attachmentFolder + "/contents"
	// ProvenanceName says from which source the mod was made, in JSON.
	ProvenanceName = attachmentFolder + "/provenance.json"
	// SBOMName lists what the mod consists of, in JSON.
	SBOMName = attachmentFolder + "/sbom.json"

	attachmentFolder = ".pack"
	signatureFolder  = attachmentFolder + "/signatures"
	signatureSuffix  = ".minisig"
	keyDigits        = 16
)

// The bounds of what is attached, which are apart from those of the mod: what is
// attached to a mod never makes it too large.
const (
	MaxAttachments          = 64      // how many
	MaxAttachmentBytes      = 1 << 20 // of one
	MaxAttachmentTotalBytes = 4 << 20 // of all

	maxAttachmentEntries = MaxAttachments + 2 // in an archive: folders too
)

// SignatureName returns the name of the signature that the key with this id made:
// ".pack/signatures/", the id in 16 capital hexadecimal digits, and ".minisig".
func SignatureName(key uint64) string {
	return fmt.Sprintf("%s/%0*X%s", signatureFolder, keyDigits, key, signatureSuffix)
}

// IsSignature reports whether name is one that [SignatureName] makes.
func IsSignature(name string) bool {
	id, ok := strings.CutPrefix(name, signatureFolder+"/")
	if !ok {
		return false
	}
	id, ok = strings.CutSuffix(id, signatureSuffix)
	return ok && len(id) == keyDigits && strings.Trim(id, "0123456789ABCDEF") == ""
}

// attachment reports whether a path belongs to what is attached, well named or not.
func attachment(path string) bool {
	return path == attachmentFolder || strings.HasPrefix(path, attachmentFolder+"/")
}

// checkAttachment accepts, of the paths that belong to what is attached, those that
// attachments and the folders of them have.
func checkAttachment(path string, dir bool) error {
	if !attachment(path) {
		return nil
	}
	known := path == ContentsName || path == ProvenanceName || path == SBOMName || IsSignature(path)
	if dir {
		known = path == attachmentFolder || path == signatureFolder
	}
	if known {
		return nil
	}
	return badAttachment(path)
}

func badAttachment(path string) error {
	return &Error{Path: path, Reason: BadAttachment, Detail: "only contents, provenance.json, sbom.json and signatures/<16 hexadecimal digits, capitals>" + signatureSuffix + " are known in " + attachmentFolder}
}

// Attachments lists what is attached, sorted by path. The slice is the caller's.
func (b *Bundle) Attachments() []File { return slices.Clone(b.attachments) }

// Attachment returns a copy of the attachment with that name, such as
// [ContentsName]. The error is a [*fs.PathError] that wraps [fs.ErrNotExist].
func (b *Bundle) Attachment(name string) ([]byte, error) {
	text, ok := b.attached[name]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

// WithAttachments returns a bundle of the same files with other attachments: each of
// changes is attached, in place of the one with that name, and a nil value takes the
// one with that name away. The content list is not made anew; [Pack] does that.
//
// The error is an [*Error]: [BadAttachment], [TooMany] or [TooBig].
func (b *Bundle) WithAttachments(changes map[string][]byte) (*Bundle, error) {
	attached := make(map[string]string, len(b.attached)+len(changes))
	for name, text := range b.attached {
		attached[name] = text
	}
	for name, data := range changes {
		if !attachment(name) {
			return nil, badAttachment(name)
		}
		if err := checkAttachment(name, false); err != nil {
			return nil, err
		}
		if data == nil {
			delete(attached, name)
		} else {
			attached[name] = string(data)
		}
	}
	if len(attached) > MaxAttachments {
		return nil, tooManyAttachments("")
	}
	with := &Bundle{content: b.content, files: b.files, digest: b.digest, attached: attached, attachments: list(attached)}
	all := part{limits: attachmentLimits(Limits{})}
	for _, f := range with.attachments {
		if err := all.take(f.Path, f.Size); err != nil {
			return nil, err
		}
	}
	return with, nil
}

func attachmentLimits(limits Limits) Limits {
	return Limits{Files: MaxAttachments, TotalBytes: MaxAttachmentTotalBytes, FileBytes: MaxAttachmentBytes, Ratio: limits.Ratio}
}

func tooManyAttachments(path string) error {
	return &Error{Path: path, Reason: TooMany, Detail: fmt.Sprintf("at most %d can be attached", MaxAttachments)}
}

// part is one of the two halves of a bundle, the files of the mod or what is
// attached to it, while it is read.
type part struct {
	limits  Limits
	total   int64 // bytes
	content map[string]string
}

// take counts a file of the given size, before anything is allocated for it.
func (p *part) take(path string, size int64) error {
	if err := checkSize(path, size, p.total, p.limits); err != nil {
		return err
	}
	p.total += size
	return nil
}

// halves are both.
type halves struct{ files, attached part }

func newHalves(limits Limits) *halves {
	return &halves{
		files:    part{limits: limits, content: map[string]string{}},
		attached: part{limits: attachmentLimits(limits), content: map[string]string{}},
	}
}

// of returns the half that a path belongs to.
func (h *halves) of(path string) *part {
	if attachment(path) {
		return &h.attached
	}
	return &h.files
}

// list describes files, sorted by path.
func list(content map[string]string) []File {
	files := make([]File, 0, len(content))
	for path, text := range content {
		files = append(files, File{Path: path, Size: int64(len(text)), SHA256: sha256.Sum256([]byte(text))})
	}
	slices.SortFunc(files, func(x, y File) int { return strings.Compare(x.Path, y.Path) })
	return files
}
