package hostile

import (
	"context"
	"fmt"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// generate runs a file that returns the source of an attack, and returns that.
func generate(text string) (string, error) {
	l := limits.Limits{Instructions: limits.Unlimited, Memory: 1 << 30, Time: limits.UnlimitedTime, String: 64 << 20}
	program, err := luasandbox.Compile("generate.lua", text, l)
	if err != nil {
		return "", err
	}
	sandbox, err := luasandbox.New(luasandbox.Config{Limits: l})
	if err != nil {
		return "", err
	}
	defer sandbox.Close()
	results, err := sandbox.Load(context.Background(), program)
	if err != nil {
		return "", err
	}
	var source string
	if err := results.Scan(&source); err != nil {
		return "", fmt.Errorf("the source: %w", err)
	}
	return source, nil
}
