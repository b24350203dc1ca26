package mods

import (
	"context"
	"errors"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
)

// jsonCapability is "json": json.encode(value [, options]), json.decode(text),
// json.null.
//
// A table with the keys 1 to n is an array; any other has only strings as keys
// and is an object, also the empty table. json.null is null: a value of its own
// that is equal to itself only.
func jsonCapability() Capability {
	return Capability{Name: "json", Doc: "Read and write JSON.", Risk: RiskNone, Grant: jsonMembers}
}

// jsonNull is what scripts hold for null.
var jsonNull = luasandbox.NewHandleType[jsonvalue.Null]("null", "What JSON calls null.")

type jsonEncodeOptions struct {
	Indent bool `lua:"indent,optional"`
}

// Reading and writing a byte of JSON takes up to 8 ns; 2.5 ns are an
// instruction.
const jsonCostPerByte = 4

func jsonMembers(g *Grantee) ([]luasandbox.Member, error) {
	null := jsonNull.Handle(jsonvalue.TheNull)
	// The text is built in Go, twice while it grows, and then copied.
	most := int(min(g.Limits().String, g.Limits().Memory/2))
	return []luasandbox.Member{
		jsonNull,
		luasandbox.Value("null", null),
		luasandbox.Func("encode", func(ctx context.Context, value any, options *jsonEncodeOptions) (string, error) {
			how := jsonvalue.Encoding{Most: most, Null: true, Indent: options != nil && options.Indent, Charge: charge(ctx)}
			text, err := jsonvalue.Encode(value, how)
			if err != nil {
				return "", scriptError("json.encode", err)
			}
			return text, nil
		}, luasandbox.Anywhere(),
			luasandbox.Params("value", "options"), luasandbox.Returns("text"),
			luasandbox.Doc("Returns value as JSON text; with {indent = true} over several lines.")),
		luasandbox.Func("decode", func(ctx context.Context, text string) (any, error) {
			if err := chargeDecoding(ctx, text); err != nil {
				return nil, err
			}
			value, err := jsonvalue.Decode(text, jsonvalue.Decoding{Null: null})
			if err != nil {
				return nil, scriptError("json.decode", err)
			}
			return value, nil
		}, luasandbox.Anywhere(),
			luasandbox.Params("text"), luasandbox.Returns("value"),
			luasandbox.Doc("Returns what a JSON text says; null is json.null.")),
	}, nil
}

// charge is how much of the encoding costs the running call.
// The text grows by steps, which leave it behind several times over.
func charge(ctx context.Context) func(int) error {
	return func(n int) error {
		const piece = 16 << 10 // of what is never held all at a time
		for ; n > piece; n -= piece {
			if err := luasandbox.Charge(ctx, piece*jsonCostPerByte, 5*piece); err != nil {
				return err
			}
		}
		return luasandbox.Charge(ctx, int64(n)*jsonCostPerByte, 5*int64(n))
	}
}

// chargeDecoding charges the running call for reading a JSON text, before it is
// read: the work, and the Go memory that the result can take.
func chargeDecoding(ctx context.Context, text string) error {
	if err := luasandbox.Charge(ctx, int64(len(text))*jsonCostPerByte, 0); err != nil {
		return err
	}
	return luasandbox.Charge(ctx, 0, jsonvalue.DecodedBytes(text))
}

// measure returns the Go memory that a plain value holds, at most that of a
// payload. The value was charged for when it was copied.
func measure(ctx context.Context, v any) (int64, error) {
	size, err := jsonvalue.Measure(v, eventPayload)
	if err != nil {
		return 0, err
	}
	return size, luasandbox.Charge(ctx, size/4, 0)
}

// scriptError makes an error about a value into one that the script sees. An
// error that ends the call, which is luasandbox.Charge's, stays as it is.
func scriptError(what string, err error) error {
	if endsCall(err) {
		return err
	}
	return scriptErrorf("%s: %v", what, err)
}

func endsCall(err error) bool {
	var value *jsonvalue.Error
	var syntax *jsonvalue.SyntaxError
	return err != nil && !errors.As(err, &value) && !errors.As(err, &syntax) && !errors.Is(err, jsonvalue.ErrTooLarge)
}
