package catalog

import (
	"encoding/hex"
	"path"
	"strconv"
	"strings"
)

// A catalogue is a folder:
//
//	metadata/timestamp.json              replaced with each publication
//	metadata/N.root.json, N.snapshot.json, N.targets.json
//	targets/HASH.index.json
//	targets/HASH.revocations.json
//	targets/advisories/HASH.ID.json
//	targets/bundles/HASH.h1-DIGEST.zip
//
// HASH is the SHA-256 of the file: consistent snapshots, TUF specification 1.0.31,
// section 6.2. All but timestamp.json never change.
const (
	metadataFolder = "metadata"
	targetsFolder  = "targets"

	indexTarget       = "index.json"
	revocationsTarget = "revocations.json"
	advisoriesFolder  = "advisories/"
	bundlesFolder     = "bundles/"
	advisorySuffix    = ".json"
	bundleSuffix      = ".zip"
)

// targetKind is what a target is, by its name.
type targetKind int

const (
	noTarget targetKind = iota
	indexKind
	revocationsKind
	advisoryKind
	bundleKind
)

// kindOf sorts the name of a target. There are no names but those that it knows, so
// that no name can lead anywhere.
func kindOf(target string) targetKind {
	switch target {
	case indexTarget:
		return indexKind
	case revocationsTarget:
		return revocationsKind
	}
	if rest, ok := strings.CutPrefix(target, advisoriesFolder); ok {
		if id, ok := strings.CutSuffix(rest, advisorySuffix); ok && advisoryID(id) {
			return advisoryKind
		}
	}
	if rest, ok := strings.CutPrefix(target, bundlesFolder); ok {
		if name, ok := strings.CutSuffix(rest, bundleSuffix); ok && digestName(name) {
			return bundleKind
		}
	}
	return noTarget
}

// advisoryID reports whether an id can be part of a file name on every system: the
// letters, digits, dots, dashes and underscores of the ids that databases give, at most
// 100, and a letter or digit at both ends.
func advisoryID(id string) bool {
	if len(id) == 0 || len(id) > 100 || strings.Contains(id, "..") {
		return false
	}
	for i := range len(id) {
		c := id[i]
		plain := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		edge := i == 0 || i == len(id)-1
		if !plain && (edge || c != '.' && c != '-' && c != '_') {
			return false
		}
	}
	return !reservedOnWindows(id)
}

// reservedOnWindows reports whether a system would open a device under that name.
func reservedOnWindows(name string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch base {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(base) == 4 && (strings.HasPrefix(base, "COM") || strings.HasPrefix(base, "LPT"))
}

// digestName reports whether a name is one of bundle.DigestName.
func digestName(name string) bool {
	rest, ok := strings.CutPrefix(name, "h1-")
	return ok && lowerHex(rest, 64)
}

func lowerHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}

// targetPath is where in the catalogue a target of that content is.
func targetPath(target string, sum []byte) string {
	dir, base := path.Split(target)
	return targetsFolder + "/" + dir + hex.EncodeToString(sum) + "." + base
}

// metadataPath is where in the catalogue a role's metadata is; version 0 stands for a
// name without one.
func metadataPath(role string, version int64) string {
	if version == 0 {
		return metadataFolder + "/" + role + ".json"
	}
	return metadataFolder + "/" + strconv.FormatInt(version, 10) + "." + role + ".json"
}

// Published reports whether a slash-separated path is one that a file of a catalogue can
// have. A server need not serve, and nobody need copy, any other.
func Published(name string) bool {
	folder, rest, _ := strings.Cut(name, "/")
	switch folder {
	case metadataFolder:
		if rest == "timestamp.json" {
			return true
		}
		number, role, _ := strings.Cut(rest, ".")
		n, err := strconv.ParseInt(number, 10, 64)
		return err == nil && n > 0 && strconv.FormatInt(n, 10) == number &&
			(role == "root.json" || role == "snapshot.json" || role == "targets.json")
	case targetsFolder:
		dir, base := path.Split(rest)
		sum, base, _ := strings.Cut(base, ".")
		return lowerHex(sum, 64) && kindOf(dir+base) != noTarget
	}
	return false
}
