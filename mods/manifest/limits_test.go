package manifest

import (
	"testing"

	"github.com/luasandbox/modrunner/limits"
)

// Whatever can be limited, a manifest can ask for, under the same name.
func TestEveryLimitHasAField(t *testing.T) {
	for _, kind := range limits.Kinds() {
		found := false
		for _, f := range limitFields {
			if f.key != kind.String() {
				continue
			}
			found = true
			m := &Manifest{}
			if err := f.store(m, int64(7)); err != nil || m.Limits.Of(kind) != 7 {
				t.Errorf("the field %q does not set its limit: %+v, %v", f.key, m.Limits, err)
			}
		}
		if !found {
			t.Errorf("no field for the limit %q", kind)
		}
	}
	if len(limitFields) != len(limits.Kinds()) {
		t.Errorf("%d fields, %d limits", len(limitFields), len(limits.Kinds()))
	}
}
