package catalog

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"
)

// crowded is a catalogue with so many versions, ten of each mod.
func crowded(b *testing.B, n int) (*lab, *mirror) {
	b.Helper()
	l := newLab(b, nil)
	l.publish(mod(b, "rain", "1.0.0", weather))
	f := l.forge()
	var one map[string]any
	for name, t := range f.targets.Signed.Targets {
		if kindOf(name) == bundleKind {
			if err := json.Unmarshal(*t.Custom, &one); err != nil {
				b.Fatal(err)
			}
		}
	}
	for i := range n {
		sum := sha256.Sum256([]byte(fmt.Sprint(i)))
		one["id"], one["version"] = fmt.Sprintf("mod%d", i/10), fmt.Sprintf("1.%d.0", i%10)
		one["digest"] = "h1:" + base64.StdEncoding.EncodeToString(sum[:])
		custom, err := json.Marshal(one)
		if err != nil {
			b.Fatal(err)
		}
		name := bundlesFolder + "h1-" + hex.EncodeToString(sum[:]) + bundleSuffix
		f.targets.Signed.Targets[name] = file{Name: name, Length: 1000, SHA256: sum[:]}.meta(custom)
	}
	m := l.mirror()
	m.replace(f.into(b, l.snapshot()))
	return l, m
}

func BenchmarkRefresh(b *testing.B) {
	for _, n := range []int{100, 5000} {
		l, m := crowded(b, n)
		b.Run(fmt.Sprintf("first/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.refresh(l.open(at(m.url)))
			}
		})
		b.Run(fmt.Sprintf("again/%d", n), func(b *testing.B) {
			c := l.open(at(m.url))
			l.refresh(c)
			b.ReportAllocs()
			for b.Loop() {
				l.refresh(c)
			}
		})
	}
}
