package catalog

import (
	"context"
	"path/filepath"

	"github.com/luasandbox/modrunner/mods/internal/safetoml"
)

// Config names a catalogue, and the file with its first root.
type Config struct {
	URL  string `toml:"url"`  // an address or a folder, as in [Options]
	Root string `toml:"root"` // path of the file
}

const maxConfig = 16 << 10

// ParseConfig reads a catalog.toml:
//
//	url = "https://mods.example.com"
//	root = "root.json"
//
// The file is named in errors, which are of type [*Error].
func ParseConfig(file string, data []byte) (Config, error) {
	var c Config
	doc, err := safetoml.Decode(file, data, safetoml.Bounds{Bytes: maxConfig, Depth: 2, KeyBytes: 64, Entries: 16}, &c)
	if err != nil {
		return Config{}, &Error{Reason: Malformed, Err: err}
	}
	for _, f := range []struct{ key, value string }{{"url", c.URL}, {"root", c.Root}} {
		if f.value == "" {
			return Config{}, &Error{Reason: Malformed, Err: doc.Errorf(nil, "%s is missing; want url = \"https://...\" or a folder, and root = the file of the first root", f.key)}
		}
	}
	return c, nil
}

// ReadConfig reads a catalog.toml. What is a relative path in it is meant from its
// folder. The error is an [*Error], with Missing if there is no file.
func ReadConfig(path string) (Config, error) {
	data, err := folder{filepath.Dir(path)}.read(context.Background(), filepath.Base(path), maxConfig)
	if err != nil {
		return Config{}, err
	}
	c, err := ParseConfig(path, data)
	if err != nil {
		return Config{}, err
	}
	if !filepath.IsAbs(c.Root) {
		c.Root = filepath.Join(filepath.Dir(path), c.Root)
	}
	if !isAddress(c.URL) && !filepath.IsAbs(c.URL) {
		c.URL = filepath.Join(filepath.Dir(path), c.URL)
	}
	return c, nil
}

// ReadRoot reads the file of a first root.
func ReadRoot(path string) ([]byte, error) {
	return folder{filepath.Dir(path)}.read(context.Background(), filepath.Base(path), maxRoot)
}
