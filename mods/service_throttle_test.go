package mods_test

import (
	"testing"

	"github.com/luasandbox/modrunner/mods"
)

// TestCallerIsThrottled: who has a service work without end is throttled for it, and
// who offers the service is not.
func TestCallerIsThrottled(t *testing.T) {
	for _, workers := range []int{0, 2} {
		w := newWorld(t, mods.Config{Frame: mods.Frame{Instructions: 200_000, Workers: workers}})
		shop := w.with("shop", "[permissions.services]\nreason = 'x'\nexport = ['price']", `
			return {price = function() local sum = 0 for i = 1, 2000 do sum = sum + i end return sum end}`)
		haggler := w.with("haggler", "[permissions.services]\nreason = 'x'\nuse = ['shop/price']\n[permissions.task]\nreason = 'x'", `
			for i = 1, 20 do
				task.spawn(function() while true do services.call("shop", "price") end end)
			end`)
		w.run(60)
		if r := shop.Report(); r.Share != 1 || r.Instructions < 1_000_000 {
			t.Errorf("%d workers: the callee's share is %v, and it used %d instructions", workers, r.Share, r.Instructions)
		}
		if r := haggler.Report(); r.Share > 0.25 || r.State != mods.Throttled {
			t.Errorf("%d workers: the caller is %s and has a share of %v", workers, r.State, r.Share)
		}
	}
}
