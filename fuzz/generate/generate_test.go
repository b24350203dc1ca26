package generate_test

import (
	"testing"

	"github.com/luasandbox/modrunner/fuzz/generate"
	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// TestProgramsCompile: whatever the bytes are.
func TestProgramsCompile(t *testing.T) {
	for seed := range uint64(400) {
		for _, d := range []generate.Dialect{generate.Portable, generate.Anything} {
			text := generate.Program(generate.Bytes(seed, int(seed)%700), d)
			if _, err := vm.Compile("generated.lua", text, limits.Limits{}); err != nil {
				t.Fatalf("seed %d, dialect %d: %v\n%s", seed, d, err, text)
			}
		}
	}
}
