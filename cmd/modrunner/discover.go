package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/luasandbox/modrunner/mods/bundle"
)

const modWanted = "a mod (a folder with " + bundle.ManifestName + ", or a .zip file), or a folder of mods"

// findMods returns the paths of the mods at path, which is one mod or a folder
// of mods. Of a folder of mods every folder and every .zip file counts as one,
// in the order of their names; other files, and names that begin with a dot, do
// not. That each really is a mod is for bundle.OpenPath to find out.
//
// The error is a *refusal.
func findMods(path string) ([]string, error) {
	if path == "" {
		return nil, &refusal{What: `""`, Reason: "the name is empty", Want: modWanted}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(path, modWanted, err)
	}
	if !info.IsDir() {
		if err := regular(path, info, modWanted); err != nil {
			return nil, err
		}
		switch {
		case isZip(path):
			return []string{path}, nil
		case filepath.Base(path) == bundle.ManifestName:
			return nil, &refusal{What: path, Reason: "is a manifest", Want: "the folder that it is in"}
		case strings.HasSuffix(path, ".lua"):
			return nil, &refusal{What: path, Reason: "is a single Lua file", Want: modWanted + "; to run a file: modrunner exec"}
		}
		return nil, &refusal{What: path, Reason: "is not a mod", Want: modWanted}
	}
	if hasManifest(path) {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, unreadable(path, modWanted, err)
	}
	var found []string
	mods := 0
	for _, entry := range entries {
		name := entry.Name()
		inside := filepath.Join(path, name)
		switch info, err := os.Stat(inside); { // follows links: the folder is the person's own
		case strings.HasPrefix(name, "."), err != nil:
		case info.IsDir():
			found = append(found, inside)
			if hasManifest(inside) {
				mods++
			}
		case isZip(name):
			found = append(found, inside)
			mods++
		}
	}
	if mods == 0 {
		reason := "has no " + bundle.ManifestName
		if len(found) > 0 {
			reason = fmt.Sprintf("neither it nor a folder in it has a %s", bundle.ManifestName)
		}
		return nil, &refusal{What: path, Reason: reason, Want: modWanted, Err: bundle.ErrNoManifest}
	}
	return found, nil
}

func isZip(path string) bool { return strings.EqualFold(filepath.Ext(path), ".zip") }

// hasManifest reports whether there is anything by the manifest's name.
func hasManifest(folder string) bool {
	_, err := os.Lstat(filepath.Join(folder, bundle.ManifestName))
	return !errors.Is(err, fs.ErrNotExist)
}
