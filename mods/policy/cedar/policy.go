package cedar

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	cedarast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// Policy is a policy that was loaded whole. It is never changed: it may be used by
// several goroutines. A nil *Policy denies everything.
type Policy struct {
	name  string
	rules []*Rule
	uses  []option // of all rules, each once
}

// Parse loads a policy. The name of the file is used for messages and records; only
// its last part gets into records.
//
// It loads the whole of the policy or nothing: the error is then an [*Error].
func Parse(file string, data []byte) (*Policy, error) {
	failed := &Error{}
	if len(data) > MaxBytes {
		failed.add(&Problem{File: file, Message: fmt.Sprintf("a policy of more than %d bytes", MaxBytes)})
		return nil, failed
	}
	text := string(data)
	sum := sha256.Sum256(data)
	base := filepath.Base(file)
	p := &Policy{name: base + "@" + hex.EncodeToString(sum[:6])}
	statements, err := read(text)
	if err != nil {
		failed.add(problem(file, "", err))
		return nil, failed
	}
	uses, first := map[option]bool{}, map[string]*Rule{}
	var seen []use
	for _, s := range statements {
		r, options, err := newRule(s)
		if err == nil {
			err = oneType(&seen, r, s, options)
		}
		if earlier := first[r.ID]; err == nil && earlier != nil {
			err = faultf(s.at, "line %d has a rule with this id; each has its own", earlier.Line)
		}
		if r.ID != "" && first[r.ID] == nil {
			first[r.ID] = r
		}
		if err != nil {
			failed.add(problem(file, r.ID, err))
			continue
		}
		r.Name = fmt.Sprintf("%s:%d:%s", base, r.Line, r.ID)
		for o := range options {
			uses[o] = true
		}
		p.rules = append(p.rules, r)
	}
	if len(failed.Problems) == 0 {
		p.compile(file, text, statements, uses, failed)
	}
	if len(failed.Problems) > 0 {
		return nil, failed
	}
	for o := range uses {
		p.uses = append(p.uses, o)
	}
	slices.SortFunc(p.uses, func(a, b option) int { return strings.Compare(a.String(), b.String()) })
	return p, nil
}

// ReadFile loads a policy from a regular file. The errors are those of the file system
// and of [Parse]; something that is no regular file is a *Error too. It reads no more
// than [MaxBytes] and one.
func ReadFile(file string) (*Policy, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait
		return nil, &Error{Problems: []*Problem{{File: file, Message: "not a file; want a policy"}}}
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	return Parse(file, data)
}

// problem is an error of reading or checking as others get it.
func problem(file, rule string, err error) *Problem {
	f := err.(*fault)
	return &Problem{File: file, Line: f.at.line, Column: f.at.column, Rule: rule, Message: f.message}
}

// read cuts a text into rules and reads each. The error is a *fault.
func read(text string) ([]*statement, error) {
	tokens, err := tokenize(text)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 1 {
		return nil, faultf(tokens[0].at, "there is no rule; a policy without rules denies everything, so say that: @id(\"nothing\") forbid (principal, action, resource);")
	}
	count, last := 0, 0
	for i, t := range tokens {
		if i-last > maxRuleTokens {
			return nil, faultf(tokens[last].at, "the rule that begins here has more than %d words and signs; split it", maxRuleTokens)
		}
		if t.kind == markToken && t.text == ";" {
			if count++; count > MaxRules {
				return nil, faultf(t.at, "more than %d rules", MaxRules)
			}
			last = i + 1
		}
	}
	p := parser{tokens: tokens}
	var statements []*statement
	for p.peek().kind != endToken {
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		statements = append(statements, s)
	}
	return statements, nil
}

// use is where a rule looks at an option.
type use struct {
	option     option
	capability string // the one that the rule is about; "" any
	at         place
}

// oneType refuses a second type for an option of one capability.
func oneType(seen *[]use, r *Rule, s *statement, options map[option]place) error {
	capability := ""
	if s.resource.op == "==" {
		capability = string(s.resource.entities[0].ID)
	}
	for _, o := range r.uses {
		for _, u := range *seen {
			if u.option.name == o.name && u.option.group != o.group && (u.capability == "" || capability == "" || u.capability == capability) {
				return faultf(options[o], "%s, and in line %d it is %s; an option has one type", o, u.at.line, u.option)
			}
		}
		if len(*seen) == maxOptions {
			return faultf(options[o], "the policy looks at options in more than %d places", maxOptions)
		}
		*seen = append(*seen, use{o, capability, options[o]})
	}
	return nil
}

// compile gives each rule to Cedar: to its parser, which has to read what ours has
// read; to its validator; and to its evaluator.
func (p *Policy) compile(file, text string, statements []*statement, uses map[option]bool, failed *Error) {
	v, err := validator(uses)
	if err != nil {
		failed.add(&Problem{File: file, Message: "the schema: " + oneLine(err)})
		return
	}
	for i, s := range statements {
		r := p.rules[i]
		add := func(message string, err error) {
			if err != nil {
				message += ": " + oneLine(err)
			}
			failed.add(&Problem{File: file, Line: r.Line, Column: r.Column, Rule: r.ID, Message: message})
		}
		var whole cedar.Policy
		if err := whole.UnmarshalCedar([]byte(text[s.at.offset:s.end])); err != nil {
			add("Cedar does not take it", err)
			continue
		}
		parsed := (*ast.Policy)(whole.AST())
		if !s.agree(parsed) {
			add("Cedar reads it otherwise than it is read here; write it more simply", nil)
			continue
		}
		if err := v.Policy("", parsed); err != nil {
			add("Cedar's validator does not take it", err)
			continue
		}
		r.whole = &whole
		r.scope = cedar.NewPolicyFromAST((*cedarast.Policy)(s.ast()))
	}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// Name is the last part of the file's name, and the beginning of the SHA-256 of its
// text: "policy.cedar@1a2b3c4d5e6f".
func (p *Policy) Name() string {
	if p == nil {
		return "no policy"
	}
	return p.name
}

// Rules returns the rules, in the order of the file.
func (p *Policy) Rules() []Rule {
	if p == nil {
		return nil
	}
	rules := make([]Rule, len(p.rules))
	for i, r := range p.rules {
		rules[i] = *r
	}
	return rules
}
