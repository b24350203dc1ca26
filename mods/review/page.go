package review

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
)

//go:embed page.css
var style string

//go:embed page.html
var page string

// pageTemplate writes every text of a brief escaped for the place where it stands.
// Nothing in the page is a link, is loaded, or runs, and the policy in its head has a
// browser refuse all of that, and every style but this one.
var pageTemplate = template.Must(template.New("page").Parse(page))

// HTML writes the brief as a page that can be printed: a document of its own, without
// scripts and without anything from elsewhere. The errors are those of w.
func (b Brief) HTML(w io.Writer) error {
	sum := sha256.Sum256([]byte(style))
	return pageTemplate.Execute(w, struct {
		Brief
		Style  template.CSS
		Policy string
	}{b, template.CSS(style),
		"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"})
}

// Mark is the sign of an item that wants attention, or "".
func (i Item) Mark() string { return i.Level.mark() }
