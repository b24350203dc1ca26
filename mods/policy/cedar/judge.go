package cedar

import (
	"cmp"
	"fmt"
	"iter"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/policy"
)

// Outcome is what one rule says of one thing.
type Outcome struct {
	Rule    *Rule
	Matched bool
	Err     error // it could not be told whether it matches; that denies
}

// Judge implements [policy.Rules]: the strictest of the rules that match holds, and
// what none of them permits is denied. A rule of which it cannot be told whether it
// matches denies.
func (p *Policy) Judge(r policy.Request) (mod policy.Ruling, permissions []policy.Ruling) {
	e := p.Explain(r)
	permissions = make([]policy.Ruling, len(e.Permissions))
	for i, j := range e.Permissions {
		permissions[i] = j.Ruling
	}
	return e.Mod.Ruling, permissions
}

// Judgement is a ruling, with what each rule that could have a say in it said.
type Judgement struct {
	Ruling   policy.Ruling
	Outcomes []Outcome // in the order of the file
}

// Explanation is what a policy says of a request, and why.
type Explanation struct {
	Mod         Judgement
	Permissions []Judgement // in the order of the request
}

// Explain is Judge, and tells what each rule had to say.
func (p *Policy) Explain(r policy.Request) (e Explanation) {
	deny := func(why string) Explanation {
		e := Explanation{Mod: Judgement{Ruling: policy.Ruling{Effect: policy.Deny, Message: why}}}
		for _, asked := range r.Permissions {
			e.Permissions = append(e.Permissions, Judgement{Ruling: policy.Ruling{Capability: asked.Capability, Effect: policy.Deny, Message: why}})
		}
		return e
	}
	if p == nil {
		return deny("there is no policy")
	}
	f, err := collect(r)
	if err != nil {
		return deny("the policy cannot judge this: " + err.Error())
	}
	defer func() {
		if fault := recover(); fault != nil { // in Cedar's evaluator
			e = deny("the policy failed, and denies: this is a bug; report it")
		}
	}()
	e.Mod = p.judge(loadAction, f, types.Entity{UID: host}, nil)
	for _, asked := range r.Permissions {
		resource, unlike := p.capability(asked)
		j := p.judge(grantAction, f, resource, unlike)
		j.Ruling.Capability = asked.Capability
		e.Permissions = append(e.Permissions, j)
	}
	return e
}

// judge asks each rule that is about the action.
func (p *Policy) judge(action types.EntityUID, f facts, resource types.Entity, unlike map[option]string) Judgement {
	entities := types.EntityMap{f.mod.UID: f.mod, resource.UID: resource}
	request := cedar.Request{Principal: f.mod.UID, Action: action, Resource: resource.UID, Context: f.context}
	var j Judgement
	for _, r := range p.rules {
		if len(r.actions) == 1 && r.actions[0] != string(action.ID) {
			continue
		}
		o := Outcome{Rule: r}
		o.Matched, o.Err = matches(r.whole, entities, request)
		if o.Err == nil && unlike != nil {
			o.Err = r.unlike(entities, request, unlike)
		}
		j.Outcomes = append(j.Outcomes, o)
	}
	j.Ruling = p.ruling(j.Outcomes)
	return j
}

// unlike is the error of a rule that looks at an option as what it is not. It is one
// wherever the head of the rule matches, whatever else the rule says.
func (r *Rule) unlike(entities types.EntityMap, request cedar.Request, unlike map[option]string) error {
	for _, o := range r.uses {
		why, bad := unlike[o]
		if !bad {
			continue
		}
		if inHead, err := matches(r.scope, entities, request); err != nil || inHead {
			return fmt.Errorf("it looks at the option %q as %s: %s", o.name, o, why)
		}
	}
	return nil
}

// matches asks Cedar about one rule. An evaluator that leaves out what fails, as
// Cedar's does, must not see more than one at a time.
func matches(p *cedar.Policy, entities types.EntityMap, request cedar.Request) (bool, error) {
	_, diagnostic := cedar.Authorize(single{p}, entities, request)
	if len(diagnostic.Errors) > 0 {
		return false, fmt.Errorf("it cannot be evaluated: %s", diagnostic.Errors[0].Message)
	}
	return len(diagnostic.Reasons) > 0, nil
}

// single is a set of one policy.
type single struct{ policy *cedar.Policy }

func (s single) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) { yield("", s.policy) }
}

// ruling takes the strictest of what the rules say.
func (p *Policy) ruling(outcomes []Outcome) policy.Ruling {
	var failed, decided []Outcome
	effect := policy.Effect(0)
	for _, o := range outcomes {
		switch {
		case o.Err != nil:
			failed = append(failed, o)
		case o.Matched:
			effect = max(effect, o.Rule.Effect)
		}
	}
	if len(failed) > 0 {
		first := failed[0]
		return policy.Ruling{Effect: policy.Deny, Rules: names(failed),
			Message: fmt.Sprintf("the rule %q denies: %v", first.Rule.ID, first.Err)}
	}
	if effect == 0 {
		return policy.Ruling{Effect: policy.Deny, Message: "no rule of " + p.name + " permits it"}
	}
	ruling := policy.Ruling{Effect: effect}
	for _, o := range outcomes {
		if !o.Matched {
			continue
		}
		if o.Rule.Effect == effect {
			decided = append(decided, o)
			ruling.Message = cmp.Or(ruling.Message, o.Rule.Message)
		}
		if effect != policy.Deny {
			tighten(&ruling, o.Rule)
		}
	}
	ruling.Rules = names(decided)
	return ruling
}

func names(outcomes []Outcome) []string {
	list := make([]string, len(outcomes))
	for i, o := range outcomes {
		list[i] = o.Rule.Name
	}
	return list
}

// tighten adds what a rule clamps.
func tighten(to *policy.Ruling, r *Rule) {
	for _, kind := range limits.Kinds() {
		most, n := to.Limits.Of(kind), r.Limits.Of(kind)
		if n != 0 && (most == 0 || n < most) {
			to.Limits = to.Limits.With(kind, n)
		}
	}
	for name, n := range r.Options {
		if most, there := to.Options[name]; there && most <= n {
			continue
		}
		if to.Options == nil {
			to.Options = map[string]int64{}
		}
		to.Options[name] = n
	}
}
