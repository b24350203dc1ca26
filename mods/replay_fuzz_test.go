package mods_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/recording"
)

// FuzzReplay lets a host repeat a frame of somebody's making: it must end, with an
// error or without.
func FuzzReplay(f *testing.F) {
	r, file := small(f, nil)
	in, err := recording.NewReader(bytes.NewReader(file))
	if err != nil {
		f.Fatal(err)
	}
	all := frames(f, file)
	seeds := 0
	for _, frame := range append(all[1:6:6], all[len(all)-5:]...) {
		for kind := recording.Tick; kind <= recording.Close; kind++ {
			frame.Kind = kind
			f.Add(recording.AppendFrame(nil, frame))
			seeds++
		}
	}
	for _, in := range []recording.Input{
		{Kind: recording.Emit, Name: "nobody"}, {Kind: recording.Emit, Name: "chat", Asks: true, Values: []any{map[string]any{"x": []any{1.0}}}},
		{Kind: recording.Call, Mod: "one", Name: "x", Values: []any{"y"}}, {Kind: recording.Unload, Mod: "one"},
		{Kind: recording.Control, Mod: "one", Name: "disable", Text: "x"}, {Kind: recording.Control, Mod: "one", Name: "x"},
		{Kind: recording.Reload, Mods: []recording.Bundle{{ID: "one", Digest: r.sources[0].Bundle.Digest()}}}, {Kind: recording.Load}, {Kind: recording.Reload},
	} {
		f.Add(recording.AppendFrame(nil, &recording.Frame{Kind: recording.Tick, DT: time.Second, Inputs: []recording.Input{in}}))
		seeds++
	}
	if seeds < 40 {
		f.Fatalf("%d seeds", seeds)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		frame, err := recording.ParseFrame(text)
		if err != nil {
			return
		}
		var forged bytes.Buffer
		w := recording.NewWriter(&forged, in.Header())
		for _, known := range all[:4] {
			_ = w.Frame(known)
		}
		if err := w.Frame(frame); err != nil {
			t.Skip(err)
		}
		_ = w.Frame(all[4])
		again, err := play(t, &mods.Replay{Recording: &forged, Sources: r.sources}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			err := again.Tick(context.Background(), 0)
			if err != nil && !errors.As(err, new(*mods.DivergenceError)) {
				break
			}
		}
		_ = again.Stop(context.Background())
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
}
