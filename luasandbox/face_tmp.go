package luasandbox

// Until host.go has them: whoever adds these there deletes this file.

import "context"

func (b *bindings) open(s *Sandbox)           { b.s = s }
func (b *bindings) begin(ctx context.Context) {}
func (b *bindings) end()                      {}
func (b *bindings) takeWaiting() *Pending     { return nil }
