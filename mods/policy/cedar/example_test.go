package cedar_test

import (
	"fmt"

	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/policy/cedar"
)

func ExampleParse() {
	rules, err := cedar.Parse("policy.cedar", []byte(`
@id("signed")
permit (principal, action == Action::"load", resource)
when { context.signature == "trusted" };

@id("small-storage")
@clamp("quota=64KiB")
permit (principal, action == Action::"grant", resource == Capability::"storage");
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	d := policy.Decide(policy.Request{
		ID: "weather", Digest: "h1:...", Signature: policy.Trusted, Publisher: "Ada",
		Permissions: []policy.Permission{{Capability: "storage", Risk: "low", Options: map[string]any{"quota": "1MiB"}}},
	}, rules, nil)
	fmt.Println(d.Effect, d.Mod.Rules)
	fmt.Println(d.Granted()["storage"].Options)
	// Output:
	// clamp [policy.cedar:2:signed]
	// map[quota:65536]
}

// A mistake is found when the policy is loaded.
func ExampleParse_mistake() {
	_, err := cedar.Parse("policy.cedar", []byte(`
@id("signed")
permit (principal, action == Action::"load", resource)
when { context.sginature == "trusted" };
`))
	fmt.Println(err)
	// Output:
	// policy.cedar:4:8: rule "signed": there is no `context.sginature`; did you mean `signature`?
}

func ExampleDefault() {
	stranger := policy.Request{ID: "weather", Digest: "h1:...", Signature: policy.Unsigned}
	d := policy.Decide(stranger, cedar.Default(), nil)
	fmt.Println(d.Effect, d.Reasons)
	stranger.Interactive = true
	d = policy.Decide(stranger, cedar.Default(), nil)
	fmt.Println(d.Effect, d.Reasons)
	// Output:
	// deny [nobody whom you trust signed it, and there is no person here to ask]
	// ask [nobody whom you trust signed this mod]
}
