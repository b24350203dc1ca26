package catalog_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing/fstest"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/catalog"
)

// A publisher makes a catalogue; a player's game searches it and fetches a mod.
func Example() {
	dir, err := os.MkdirTemp("", "catalog")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	public := filepath.Join(dir, "public")

	// Once: keys, and the first root. Two of three people have to sign a new root.
	here := catalog.PublisherOptions{Dir: public}
	if err := catalog.Init(here, map[string]catalog.Threshold{"root": {Need: 2, Keys: 3}}, catalog.Expiry{}); err != nil {
		log.Fatal(err)
	}
	// For each new version.
	rain, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte("[mod]\nid = \"rain\"\nversion = \"1.0.0\"\nname = \"Rain\"\ndescription = \"Makes it rain.\"\n")},
		"init.lua": {Data: []byte("-- drip\n")},
	}, bundle.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	p, err := catalog.OpenPublisher(here)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := p.Add(rain, catalog.AddOptions{Publisher: "Ada"}); err != nil {
		log.Fatal(err)
	}
	if _, err := p.Publish(); err != nil {
		log.Fatal(err)
	}
	if err := p.Close(); err != nil {
		log.Fatal(err)
	}

	// In the game, which came with the first root.
	root, err := catalog.ReadRoot(filepath.Join(public, "metadata", "1.root.json"))
	if err != nil {
		log.Fatal(err)
	}
	c, err := catalog.Open(catalog.Options{URL: public, Root: root, Cache: filepath.Join(dir, "cache")})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Refresh(context.Background()); err != nil {
		log.Fatal(err)
	}
	for _, e := range c.Search("rain") {
		b, err := c.Fetch(context.Background(), e, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e, "by", e.Publisher, b.Digest() == rain.Digest())
	}
	// Output: rain 1.0.0 by Ada true
}
