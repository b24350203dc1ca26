package libm_test

import (
	"fmt"

	"github.com/luasandbox/modrunner/luasandbox/vm/libm"
)

// Powers of ten are exact, and so are their logarithms.
func Example() {
	fmt.Println(libm.Log10(1000), libm.Pow(10, 100) == 1e100)
	// Output: 3 true
}
