package mods

import (
	"errors"
	"slices"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/recording"
)

// describe returns what is recorded of an input; not ok if nothing is. given are the
// answers that need not be recorded once more. In a replay, what does not come from the
// engine is not ok.
func (j *journal) describe(in input, given map[*luasandbox.Pending]bool) (r recording.Input, ok bool) {
	switch in := in.(type) {
	case *loadInput:
		r.Kind = recording.Load
		for _, m := range in.mods {
			r.Mods = append(r.Mods, bundleOf(m.edition))
		}
	case *unloadInput:
		r.Kind, r.Mod = recording.Unload, in.id
	case *reloadInput:
		r.Kind, r.Mods = recording.Reload, []recording.Bundle{bundleOf(in.edition)}
	case *emitInput:
		r.Kind, r.Name, r.Values, r.Asks = recording.Emit, in.name, []any{in.payload}, in.reply != nil
	case *callInput:
		r.Kind, r.Mod, r.Name = recording.Call, in.mod, in.function
		if len(in.args) > 0 {
			r.Values = in.args
		}
	case *controlInput:
		r.Kind, r.Mod, r.Name, r.Text = recording.Control, in.id, in.action, in.reason
	case *settingInput:
		r.Kind, r.Mod, r.Name, r.Values = recording.Set, in.mod, in.name, []any{in.value}
	case *languageInput:
		r.Kind, r.Name = recording.Language, in.tag
	case *answer:
		if j.replays() {
			return r, false
		}
		r.Kind, r.Mod, r.Number = recording.Answer, in.in.mod.id, in.number
		setAnswer(&r, in.values, in.err)
		if j.given == nil {
			j.given = map[*luasandbox.Pending]bool{}
		}
		j.given[in.pending] = true
	case *answeredInput:
		waits := in.m.parkedJob(func(j *job) bool { return j.task == in.task })
		if j.replays() || waits == nil {
			return r, false
		}
		r.Kind, r.Mod, r.Number = recording.Awake, in.m.id, waits.wait
		if waits.pending != nil && !given[waits.pending] {
			if values, err, there := waits.pending.Answer(); there {
				values, bad := plainList(slices.Clone(values))
				if r.HasValue = bad == nil; r.HasValue {
					setAnswer(&r, values, err)
				}
			}
		}
	default:
		return r, false
	}
	return r, true
}

// setAnswer records values, or an error as far as the script sees it.
func setAnswer(r *recording.Input, values []any, err error) {
	if err == nil {
		if len(values) > 0 {
			r.Values = values
		}
		return
	}
	r.Failed = true
	var shown interface{ LuaMessage() string }
	if r.Shown = errors.As(err, &shown); r.Shown {
		r.Text = clip(shown.LuaMessage(), maxAnswerError)
		return
	}
	r.Text = clip(err.Error(), maxAnswerError)
}

const maxAnswerError = 64 << 10

// answerOf is the opposite of setAnswer.
func answerOf(r *recording.Input) ([]any, error) {
	switch {
	case r.Shown:
		return nil, scriptErrorf("%s", r.Text)
	case r.Failed:
		return nil, errors.New(r.Text)
	}
	return r.Values, nil
}

func bundleOf(e *edition) recording.Bundle {
	return recording.Bundle{ID: e.manifest.ID, Version: e.manifest.Version.String(), Digest: identity(e.bundle, e.libraries)}
}

// say tells the host what the recording has, in the way in which an engine would: what
// could not have been said is an error.
func (j *journal) say(r *recording.Input) error {
	h := j.host
	var err error
	switch r.Kind {
	case recording.Load, recording.Reload:
		var sources []Source
		for _, b := range r.Mods {
			s, err := j.source(b)
			if err != nil {
				return err
			}
			sources = append(sources, s)
		}
		if r.Kind == recording.Load {
			_, err = h.Load(sources...)
		} else if len(sources) == 1 {
			_, err = h.Reload(r.Mods[0].ID, sources[0])
		}
	case recording.Unload:
		err = h.Unload(r.Mod)
	case recording.Emit:
		var payload any
		if len(r.Values) > 0 {
			payload = r.Values[0]
		}
		if r.Asks {
			_, err = h.Ask(r.Name, payload)
		} else {
			err = h.Emit(r.Name, payload)
		}
	case recording.Call:
		_, err = h.Call(r.Mod, r.Name, r.Values...)
	case recording.Set:
		var value any
		if len(r.Values) > 0 {
			value = r.Values[0]
		}
		err = h.Set(r.Mod, r.Name, value)
	case recording.Language:
		err = h.SetLanguage(r.Name)
	case recording.Control:
		switch r.Name {
		case "pause":
			err = h.Pause(r.Mod)
		case "resume":
			err = h.Resume(r.Mod)
		case "disable":
			err = h.Disable(r.Mod, r.Text)
		case "enable":
			err = h.Enable(r.Mod)
		}
	}
	if err != nil {
		return &ReplayError{Field: "input", Mod: r.Mod, Err: err}
	}
	return nil
}

// awakeInput makes a call that waits go on, as the recording says.
type awakeInput struct {
	r     *recording.Input
	waits *job
}

func (a *awakeInput) apply(*Host) {
	if p := a.waits.pending; a.r.HasValue && p != nil {
		values, err := answerOf(a.r)
		if err != nil {
			p.Reject(err)
		} else {
			p.Resolve(values...)
		}
	}
	if a.waits.task != nil { // or it was dropped meanwhile
		a.waits.in.mod.unpark(a.waits.task)
	}
}
