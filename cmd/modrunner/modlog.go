package main

import (
	"context"
	"fmt"

	"log/slog"
	"strconv"
	"strings"
	"sync"

	"github.com/luasandbox/modrunner/mods"
)

// modLog puts what mods print and log, and what their host says of them, into one
// stream of lines, and keeps the worst status that the mods' violations mean. Its
// methods may be called from any goroutine.
type modLog struct {
	verbose bool // the host's messages at debug level are shown

	mu    sync.Mutex
	to    *folder
	held  *violation // to be told with what comes of it
	worst status
}

// violation is what the host says of one: what is told of it in a line.
type violation struct{ mod, kind, text string }

// Write takes lines of mods that are complete.
func (l *modLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell()
	return l.to.Write(p)
}

// Flush shows what has been kept back.
func (l *modLog) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell()
	l.to.Flush()
}

// hostSays shows a line of ours among those of the mods.
func (l *modLog) hostSays(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell()
	l.put(line)
}

// settle shows a violation that nothing came of.
func (l *modLog) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell()
}

// status returns the worst that the mods did.
func (l *modLog) status() status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.worst
}

// tell shows the violation that is held back. l.mu is held.
func (l *modLog) tell() {
	if v := l.held; v != nil {
		l.held = nil
		l.put(violationLine(v.mod, v.kind, v.text))
	}
}

// put shows one line. l.mu is held.
func (l *modLog) put(line string) { fmt.Fprintln(l.to, oneLine(line)) }

// logHandler writes a host's log for people: what a mod logs as
// "[id] info: text  key=value", what the host itself has to say behind our own
// name.
type logHandler struct {
	log   *modLog
	attrs []slog.Attr
}

// handler returns what a host's Logger writes to.
func (l *modLog) handler() slog.Handler { return &logHandler{log: l} }

// Enabled reports true: what is shown depends on whose the record is.
func (h *logHandler) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs returns a handler that adds attrs to each record.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{log: h.log, attrs: append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

// WithGroup returns h: names are not needed apart.
func (h *logHandler) WithGroup(string) slog.Handler { return h }

// The messages of the host's that are told in our words, or in another place.
const (
	refusedMessage     = "mod refused" // with its place, on standard error
	reloadedMessage    = "mod reloaded"
	notReloadedMessage = "mod not reloaded"
	violationMessage   = "mod violation"
	stateMessage       = "mod " // and the name of the state
)

// hostRecord is one record of the host's.
type hostRecord struct {
	mod, text, from, reason      string
	kind, where, during, message string
	tick                         string
	fields                       strings.Builder // the others
}

func (r *hostRecord) add(a slog.Attr) {
	fmt.Fprintf(&r.fields, " %s=%s", oneLine(a.Key), fieldValue(a.Value))
}

// place returns where the value of an attribute goes, nil if it is one of the others.
func (r *hostRecord) place(message, key string) *string {
	about := map[string]*string{}
	switch {
	case key == "mod":
		return &r.mod
	case message == mods.LogMessage:
		about["text"] = &r.text
	case message == violationMessage:
		about["kind"], about["where"], about["during"], about["message"], about["tick"] = &r.kind, &r.where, &r.during, &r.message, &r.tick
	case stateOf(message) != "":
		about["from"], about["reason"], about["tick"] = &r.from, &r.reason, &r.tick
	}
	return about[key]
}

// Handle writes one line. What the host writes of causes and stacks, of internal
// errors, is for the host's developers and is left out.
func (h *logHandler) Handle(_ context.Context, record slog.Record) error {
	r := &hostRecord{}
	see := func(a slog.Attr) bool {
		switch to := r.place(record.Message, a.Key); {
		case to != nil:
			*to = a.Value.String()
		case a.Key == "fields" && a.Value.Kind() == slog.KindGroup:
			for _, field := range a.Value.Group() {
				r.add(field)
			}
		case a.Key == "cause", a.Key == "stack":
		default:
			r.add(a)
		}
		return true
	}
	for _, a := range h.attrs {
		see(a)
	}
	record.Attrs(see)
	h.log.take(record, r)
	return nil
}

// take shows a record, or keeps it back.
func (l *modLog) take(record slog.Record, r *hostRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state := stateOf(record.Message); {
	case record.Message == mods.LogMessage:
		l.tell()
		l.put(fmt.Sprintf("[%s] %s: %s%s", r.mod, strings.ToLower(record.Level.String()), r.text, r.fields.String()))
	case record.Message == violationMessage:
		l.tell()
		l.held = &violation{mod: r.mod, kind: r.kind, text: violationText(r.message, r.tick, r.during, r.where)}
		l.worst = max(l.worst, violationStatus(mods.ViolationKind(r.kind)))
	case state != "":
		l.changed(record.Level, r, state)
	case record.Message == notReloadedMessage: // with the violation that it came of
		if l.held != nil && l.held.mod == r.mod {
			l.held = nil
		}
	case record.Message == refusedMessage, record.Message == reloadedMessage:
	case record.Level < slog.LevelInfo && !l.verbose:
	default:
		l.tell()
		l.put(hostLine(r.mod, record.Message+r.fields.String()))
	}
}

// changed tells of a new state of a mod.
func (l *modLog) changed(level slog.Level, r *hostRecord, to mods.State) {
	if level < slog.LevelInfo {
		if l.verbose {
			l.tell()
			l.put(changeLine(r.mod, mods.State(r.from), to, r.reason, r.tick))
		}
		return
	}
	switch to {
	case mods.Failing, mods.Quarantined, mods.Disabled:
		reason := r.reason + "; tick " + r.tick
		if v := l.held; v != nil && v.mod == r.mod { // it is what led to this
			l.held, reason = nil, v.text
		}
		l.tell()
		l.put(stateLine(r.mod, to, reason))
	default:
		l.tell()
		l.put(recoveredLine(r.mod, mods.State(r.from), to, r.tick))
	}
}

// stateOf returns the state in the message of a change of state, "" if the message
// is another one.
func stateOf(message string) mods.State {
	name, found := strings.CutPrefix(message, stateMessage)
	if _, known := stateColours[mods.State(name)]; found && known && message != refusedMessage {
		return mods.State(name)
	}
	return ""
}

// violationStatus is the exit status that a violation means.
func violationStatus(kind mods.ViolationKind) status {
	switch kind {
	case mods.LimitViolation, mods.FloodViolation:
		return limitHit
	}
	return scriptFailed
}

// fieldValue writes a value so that it can be seen where it ends.
func fieldValue(v slog.Value) string {
	text := v.String()
	if v.Kind() == slog.KindFloat64 {
		text = strconv.FormatFloat(v.Float64(), 'g', 14, 64) // as Lua does
	}
	if text == "" || strings.ContainsAny(text, " =\"\t\n") {
		return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"`
	}
	return text
}
