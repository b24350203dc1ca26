package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing/fstest"

	"github.com/luasandbox/modrunner/mods/bundle"
)

func ExampleOpen() {
	files := fstest.MapFS{
		"mod.toml":     {Data: []byte("[mod]\nid = \"rain\"\nversion = \"1.0.0\"\n")},
		"main.lua":     {Data: []byte("return 'it rains'")},
		".git/config":  {Data: []byte("not part of the mod")},
		"lib/rain.lua": {Data: []byte("return {}")},
	}
	b, err := bundle.Open(files, bundle.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range b.Files() {
		fmt.Println(f.Path, f.Size)
	}
	// Output:
	// lib/rain.lua 9
	// main.lua 17
	// mod.toml 36
}

func ExampleOpen_refused() {
	files := fstest.MapFS{"mod.toml": {}, "lib/aux.lua": {}}
	_, err := bundle.Open(files, bundle.Limits{})
	if refused, ok := errors.AsType[*bundle.Error](err); ok {
		fmt.Println(refused.Reason, "-", refused.Path)
	}
	fmt.Println(err)
	// Output:
	// bad name - lib/aux.lua
	// bundle: "lib/aux.lua": bad name: "aux.lua" is the name of a device on Windows
}

func ExampleBundle_WriteZip() {
	folder, err := bundle.Open(fstest.MapFS{"mod.toml": {Data: []byte("[mod]\n")}}, bundle.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var packed bytes.Buffer
	if err := folder.WriteZip(&packed); err != nil {
		fmt.Println(err)
		return
	}
	archive, err := bundle.OpenZip(bytes.NewReader(packed.Bytes()), int64(packed.Len()), bundle.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(archive.Digest() == folder.Digest())
	// Output: true
}
