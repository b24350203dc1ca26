module github.com/luasandbox/modrunner/testdata/bench

go 1.26.0

replace github.com/luasandbox/modrunner => ../..

require (
	github.com/Shopify/go-lua v0.0.0-20250718183320-1e37f32ad7d0
	github.com/arnodel/golua v0.2.0
	github.com/dop251/goja v0.0.0-20260917113740-793a2a65c13b
	github.com/luasandbox/modrunner v0.0.0
	github.com/yuin/gopher-lua v1.1.2
)

require (
	github.com/arnodel/strftime v0.1.6 // indirect
	github.com/dlclark/regexp2/v2 v2.5.2 // indirect
	github.com/go-sourcemap/sourcemap v2.1.3+incompatible // indirect
	github.com/google/pprof v0.0.0-20230207041349-798e818bf904 // indirect
	golang.org/x/text v0.43.0 // indirect
)
