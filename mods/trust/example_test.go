package trust_test

import (
	"fmt"
	"log"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/trust"
)

// A publisher signs a mod, and an operator finds out whether to trust it.
func ExampleStore_Verify() {
	folder := fstest.MapFS{
		"mod.toml": {Data: []byte("[mod]\nid = \"com.ada.weather\"\nversion = \"1.2.0\"\n")},
		"main.lua": {Data: []byte("print('rain')")},
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	// The publisher's side. NewKey would keep the key under a password.
	key, _, err := trust.NewUnprotectedKey()
	if err != nil {
		log.Fatal(err)
	}
	b, err := bundle.Open(folder, bundle.Limits{})
	if err == nil {
		b, err = bundle.Pack(b)
	}
	if err == nil {
		b, err = trust.Sign(b, key, at)
	}
	if err != nil {
		log.Fatal(err)
	}

	// The operator's side.
	var nobody *trust.Store
	fmt.Println(nobody.Verify(b, at).Signature)
	store, err := nobody.Trust(trust.Key{Public: key.Public(), Publisher: "Ada", IDs: []string{"com.ada.*"}})
	if err != nil {
		log.Fatal(err)
	}
	result := store.Verify(b, at)
	fmt.Println(result.Signature, "by", result.Publisher)

	store, err = store.Revoke(key.ID(), at, "stolen")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(store.Verify(b, at).Signature)
	// Output:
	// unknown-key
	// trusted by Ada
	// revoked
}

// A publisher replaces a key, and those who trust the old one follow.
func ExampleStore_Rotate() {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	old, _, err := trust.NewUnprotectedKey()
	if err != nil {
		log.Fatal(err)
	}
	replacement, _, err := trust.NewUnprotectedKey()
	if err != nil {
		log.Fatal(err)
	}
	statement, err := trust.SignRotation(old, replacement, at.AddDate(0, 1, 0))
	if err != nil {
		log.Fatal(err)
	}

	var store *trust.Store
	store, err = store.Trust(trust.Key{Public: old.Public(), Publisher: "Ada", IDs: []string{"com.ada.*"}})
	if err == nil {
		store, _, err = store.Rotate(statement, at)
	}
	if err != nil {
		log.Fatal(err)
	}
	key, _ := store.Key(replacement.ID())
	fmt.Println(key.Publisher, key.IDs, "from", key.From.Format(time.DateOnly))
	key, _ = store.Key(old.ID())
	fmt.Println(key.Publisher, key.IDs, "until", key.Until.Format(time.DateOnly))
	// Output:
	// Ada [com.ada.*] from 2026-04-01
	// Ada [com.ada.*] until 2026-04-01
}

// The trust store is a file that people read and write.
func ExampleParse() {
	store, err := trust.Parse("trust.toml", []byte(`
[keys.0100000000000001]
key = "RWQBAAAAAAAAAYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
publisher = "Ada"
ids = ["com.ada.*", "weather"]
until = 2028-01-01T00:00:00Z
`))
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range store.Keys() {
		fmt.Println(key.ID(), key.Publisher, key.MaySign("weather"), key.MaySign("com.eve.weather"))
	}
	_, err = trust.Parse("trust.toml", []byte("[keys.0100000000000001]\npublisher = \"Ada\"\nidz = []\n"))
	fmt.Println(err)
	// Output:
	// 0100000000000001 Ada true false
	// trust.toml:3:1: unknown key keys.0100000000000001.idz
}
