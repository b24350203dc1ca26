package main

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

const sbomManifest = `[mod]
id = "weather"
version = "1.2.0"
description = "Rain & <snow>"
license = "MIT"
authors = ["Ada"]
[dependencies]
forecast = "^1.0"
[optional_dependencies]
seasons = ">=2.0, <4.0"
[libraries]
clouds = "^0.3"
`

func sbomMod(t testing.TB) (*bundle.Bundle, *manifest.Manifest) {
	t.Helper()
	b, err := bundle.Open(fstest.MapFS{"mod.toml": {Data: []byte(sbomManifest)}, "main.lua": {}}, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	man, err := manifest.Parse("mod.toml", b.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	return b, man
}

func sbomText(t testing.TB, at time.Time) string {
	t.Helper()
	b, man := sbomMod(t)
	text, err := makeSBOM(b, man, at)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sbomGolden is valid under the JSON schema of CycloneDX 1.6.
const sbomGolden = `{
  "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
  "bomFormat": "CycloneDX",
  "specVersion": "1.6",
  "version": 1,
  "metadata": {
    "timestamp": "2026-01-02T03:04:05Z",
    "tools": {
      "components": [
        {
          "type": "application",
          "name": "modrunner",
          "version": "VERSION"
        }
      ]
    },
    "component": {
      "bom-ref": "mod:weather",
      "type": "application",
      "authors": [
        {
          "name": "Ada"
        }
      ],
      "name": "weather",
      "version": "1.2.0",
      "description": "Rain & <snow>",
      "licenses": [
        {
          "license": {
            "name": "MIT"
          }
        }
      ],
      "properties": [
        {
          "name": "modrunner:digest",
          "value": "h1:TJYaUtnVj+K5+N6+zRZLQ8Jw64vzsGalFe9hYxXER8E="
        }
      ]
    }
  },
  "components": [
    {
      "bom-ref": "dependency:forecast",
      "type": "application",
      "name": "forecast",
      "scope": "required",
      "properties": [
        {
          "name": "modrunner:range",
          "value": "^1.0"
        },
        {
          "name": "modrunner:relation",
          "value": "dependency"
        }
      ]
    },
    {
      "bom-ref": "optional dependency:seasons",
      "type": "application",
      "name": "seasons",
      "scope": "optional",
      "properties": [
        {
          "name": "modrunner:range",
          "value": ">=2.0, <4.0"
        },
        {
          "name": "modrunner:relation",
          "value": "optional dependency"
        }
      ]
    },
    {
      "bom-ref": "library:clouds",
      "type": "library",
      "name": "clouds",
      "scope": "required",
      "properties": [
        {
          "name": "modrunner:range",
          "value": "^0.3"
        },
        {
          "name": "modrunner:relation",
          "value": "library"
        }
      ]
    },
    {
      "bom-ref": "file:main.lua",
      "type": "file",
      "name": "main.lua",
      "hashes": [
        {
          "alg": "SHA-256",
          "content": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        }
      ]
    },
    {
      "bom-ref": "file:mod.toml",
      "type": "file",
      "name": "mod.toml",
      "hashes": [
        {
          "alg": "SHA-256",
          "content": "f5e7d5b6220063c6e2b94e2c5e6e59b0532e824666a3615cf69f746f397151ef"
        }
      ]
    }
  ],
  "dependencies": [
    {
      "ref": "mod:weather",
      "dependsOn": [
        "dependency:forecast",
        "optional dependency:seasons",
        "library:clouds"
      ]
    }
  ]
}
`

func TestMakeSBOM(t *testing.T) {
	at := time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600))
	text := sbomText(t, at)
	if diff := cmp.Diff(sbomGolden, strings.Replace(text, version(), "VERSION", 1)); diff != "" {
		t.Errorf("SBOM (-want +got):\n%s", diff)
	}
	if sbomText(t, at) != text {
		t.Error("made again it is another")
	}
	b, man := sbomMod(t)
	got, err := readSBOM(b, man, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := &sbomReport{
		Spec: "1.6", Name: "weather", Version: "1.2.0", License: "MIT", Tool: "modrunner " + version(),
		Time: "2026-01-02T03:04:05Z", Files: 2, Components: []string{"forecast", "seasons", "clouds"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if strings.Contains(sbomText(t, time.Time{}), "timestamp") {
		t.Error("a time that nobody gave")
	}
}

func TestReadSBOMRefuses(t *testing.T) {
	good := sbomText(t, time.Time{})
	swap := func(old, new string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("the SBOM has no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	mainLua := good[strings.Index(good, "    {\n      \"bom-ref\": \"file:main.lua\""):strings.Index(good, "    {\n      \"bom-ref\": \"file:mod.toml\"")]
	tests := []struct{ name, text, want string }{
		{"empty", "", "unexpected EOF"},
		{"cut short", good[:len(good)/2], ""},
		{"a list", "[]", "want an object"},
		{"a text", `"x"`, "want an object"},
		{"two documents", good + good, "nothing after it"},
		{"not UTF-8", swap("Ada", "A\xff"), "UTF-8"},
		{"equal keys", swap(`"metadata": {`, `"metadata": {}, "metadata": {`), "there twice"},
		{"keys that differ in case", swap(`"metadata": {`, `"Metadata": {}, "metadata": {`), "there twice"},
		{"key with an escape", swap(`"metadata": {`, `"\u001b[2J": {}, "metadata": {`), "printable ASCII"},
		{"deep", strings.Repeat(`{"components":[`, 100), "nested more than 32"},
		{"deep where the decoder is slow", strings.Repeat(`{"metadata":{"tools":`, 100), "nested more than 32"},
		{"another format", swap(`"CycloneDX"`, `"SPDX"`), `want "CycloneDX"`},
		{"another version of the format", swap(`"specVersion": "1.6"`, `"specVersion": "9.9"`), "not CycloneDX"},
		{"a field of another type", swap(`"version": 1`, `"version": []`), "not CycloneDX"},
		{"about nothing", `{"bomFormat": "CycloneDX", "specVersion": "1.6"}`, "what it is about"},
		{"another mod", swap(`"name": "weather"`, `"name": "climate"`), `about "climate" "1.2.0"`},
		{"another version", swap(`"version": "1.2.0"`, `"version": "1.2.1"`), `"1.2.1"`},
		{"another digest", swap(`"value": "h1:`, `"value": "h1:A`), "about the digest"},
		{"another hash", swap(emptyHash, strings.Repeat("0", 64)), `another SHA-256 for "main.lua"`},
		{"no hash", swap(`"SHA-256"`, `"MD5"`), `another SHA-256 for "main.lua"`},
		{"file that is not there", swap(`"name": "main.lua"`, `"name": "../main.lua"`), `lists "../main.lua"`},
		{"file listed twice", swap(mainLua, mainLua+mainLua), `lists "main.lua"`},
		{"file left out", swap(mainLua, ""), `does not list the file "main.lua"`},
	}
	b, man := sbomMod(t)
	for _, test := range tests {
		_, err := readSBOM(b, man, []byte(test.text))
		if _, ok := errors.AsType[*sbomError](err); !ok || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want an *sbomError with %q", test.name, err, test.want)
		}
	}
	if _, err := readSBOM(b, man, []byte(good)); err != nil {
		t.Errorf("the SBOM that all of these are made from: %v", err)
	}
}

// An SBOM of another tool does: what it says of files must be right, and it may say
// nothing of them.
func TestReadSBOMOfAnotherTool(t *testing.T) {
	b, man := sbomMod(t)
	got, err := readSBOM(b, man, []byte(`{"bomFormat": "CycloneDX", "specVersion": "1.4", "x-more": {"a": [1, {"b": null}]},
		"metadata": {"tools": [{"name": "old"}], "component": {"type": "library", "name": "weather", "version": "1.2.0", "licenses": [{"expression": "MIT OR Apache-2.0"}]}},
		"components": [{"type": "library", "name": "clouds", "version": "0.3.1"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &sbomReport{Spec: "1.4", Name: "weather", Version: "1.2.0", License: "MIT OR Apache-2.0", Components: []string{"clouds 0.3.1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

func FuzzReadSBOM(f *testing.F) {
	b, man := sbomMod(f)
	good := sbomText(f, time.Unix(1, 0))
	if _, err := readSBOM(b, man, []byte(good)); err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{good, strings.ToUpper(good), `{}`, `{"a":[{"A":1}]}`, `{"bomFormat":"CycloneDX","metadata":{"component":{}}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := readSBOM(b, man, data)
		if err != nil {
			if _, ok := errors.AsType[*sbomError](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		if r.Name != man.ID || r.Version != man.Version.String() || r.Files != 0 && r.Files != len(b.Files()) {
			t.Errorf("accepted: %+v", r)
		}
	})
}
