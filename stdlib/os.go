package stdlib

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// maxDateFormat bounds the format of os.date, in bytes.
const maxDateFormat = 65536

var osLibrary = []entry{
	{library: "os", name: "clock", fn: native("os.clock", osClock), status: differs, charge: "HostCall",
		note: "the host's clock; without one, a second for each 100,000,000 instructions spent since the sandbox began", test: "TestClock"},
	{library: "os", name: "date", fn: native("os.date", osDate), status: differs, charge: "HostCall, the format's bytes, 20 times Format for each directive and Format for each repetition of one, the result's bytes",
		note: "the host's clock and time zone, names in English (the C locale); a format beyond 65,536 bytes is an error", test: "TestOracle/os"},
	{library: "os", name: "difftime", fn: native("os.difftime", osDiffTime), status: full, charge: "none", test: "TestOracle/os"},
	{library: "os", name: "time", fn: native("os.time", osTime), status: differs, charge: "HostCall",
		note: "the host's clock and time zone; isdst where the zone has it otherwise moves the time by one hour", test: "TestOracle/os"},
}

// fixedTime is what os.time and os.date tell where the host gives no clock.
var fixedTime = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

func fixedNow() time.Time { return fixedTime }

func osClock(c *vm.Call) error {
	if err := c.Work(limits.HostCall); err != nil {
		return err
	}
	if clock := libraryOf(c).options.Clock; clock != nil {
		return c.Return(vm.Number(clock().Seconds()))
	}
	spent := c.Machine().Total().Instructions().Use().Current
	return c.Return(vm.Number(float64(spent) / 1e8))
}

func osDiffTime(c *vm.Call) error {
	to, err := c.CheckInt(0)
	if err != nil {
		return err
	}
	from, err := c.OptInt(1, 0)
	if err != nil {
		return err
	}
	return c.Return(vm.Number(float64(to) - float64(from)))
}

// timeFields are the fields of the table that os.time reads, in C Lua's order.
var timeFields = [...]struct {
	key       vm.Value
	otherwise int32 // -1: the field must be there
}{
	{vm.SharedString("sec"), 0},
	{vm.SharedString("min"), 0},
	{vm.SharedString("hour"), 12},
	{vm.SharedString("day"), -1},
	{vm.SharedString("month"), -1},
	{vm.SharedString("year"), -1},
	{vm.SharedString("isdst"), 0},
}

const (
	fieldSec = iota
	fieldMin
	fieldHour
	fieldDay
	fieldMonth
	fieldYear
	fieldDST
)

// timeReader is an os.time in progress: the fields may come from __index.
type timeReader struct {
	table  vm.Value
	at     int
	fields [len(timeFields)]int32
	dst    vm.Value
}

func osTime(c *vm.Call) error {
	if err := c.Work(limits.HostCall); err != nil {
		return err
	}
	if c.Arg(0).IsNil() {
		return c.Return(vm.Number(float64(libraryOf(c).options.Now().Unix())))
	}
	if _, err := c.CheckTable(0); err != nil {
		return err
	}
	if err := c.Reserve(limits.FrameBytes); err != nil {
		return err
	}
	return (&timeReader{table: c.Arg(0)}).run(c)
}

// Resume takes a field from an __index function.
func (r *timeReader) Resume(c *vm.Call) error {
	if err := r.take(c, c.Arg(0)); err != nil {
		return err
	}
	return r.run(c)
}

// Trace counts what the reading holds.
func (r *timeReader) Trace(w *vm.Walk) {
	w.Value(r.table)
	w.Value(r.dst)
	w.Bytes(limits.FrameBytes)
}

func (r *timeReader) run(c *vm.Call) error {
	for r.at < len(timeFields) {
		key := timeFields[r.at].key
		v, handler, self, err := c.Index(r.table, key)
		if err != nil {
			return err
		}
		if !handler.IsNil() {
			return c.Call(r, handler, self, key)
		}
		if err := r.take(c, v); err != nil {
			return err
		}
	}
	return r.finish(c)
}

func (r *timeReader) take(c *vm.Call, v vm.Value) error {
	at := r.at
	r.at++
	if at == fieldDST {
		r.dst = v
		return nil
	}
	f, ok := v.AsNumber()
	if s, isString := v.AsString(); isString {
		if err := chargeNumeral(c, s); err != nil {
			return err
		}
		f, ok = vm.ParseNumber(s)
	}
	field := timeFields[at]
	switch {
	case ok:
		r.fields[at] = int32(vm.ToInt64(f))
	case field.otherwise < 0:
		name, _ := field.key.AsString()
		return c.Errorf("field '%s' missing in date table", name)
	default:
		r.fields[at] = field.otherwise
	}
	return nil
}

// finish is mktime: fields beyond their range carry over, and a year that does
// not fit C's struct tm gives nil.
func (r *timeReader) finish(c *vm.Call) error {
	f := &r.fields
	month, year := f[fieldMonth]-1, f[fieldYear]-1900 // as struct tm counts, and wraps
	t := time.Date(int(year)+1900, time.January+time.Month(month), int(f[fieldDay]),
		int(f[fieldHour]), int(f[fieldMin]), int(f[fieldSec]), 0, libraryOf(c).options.Location)
	if !r.dst.IsNil() && r.dst.Truthy() != t.IsDST() {
		if t.IsDST() {
			t = t.Add(time.Hour)
		} else {
			t = t.Add(-time.Hour)
		}
	}
	if !fitsTM(t) || t.Unix() == -1 {
		return c.Return(vm.Nil)
	}
	return c.Return(vm.Number(float64(t.Unix())))
}

// fitsTM reports whether t's year fits C's struct tm.
func fitsTM(t time.Time) bool {
	y := int64(t.Year()) - 1900
	return math.MinInt32 <= y && y <= math.MaxInt32
}

// maxUnix is beyond the last second that fits C's struct tm, and within what
// package time can express.
const maxUnix = 1 << 56

func osDate(c *vm.Call) error {
	format, err := c.OptString(0, "%c")
	if err != nil {
		return err
	}
	if len(format) > maxDateFormat {
		return c.ArgError(0, "format longer than %d bytes", maxDateFormat)
	}
	if err := c.Work(limits.HostCall + limits.Units(int64(len(format)), limits.ByteStepsPerUnit)); err != nil {
		return err
	}
	o := &libraryOf(c).options
	t := time.Time{}
	if c.Arg(1).IsNil() {
		t = o.Now()
	} else {
		sec, err := c.CheckInt(1)
		if err != nil {
			return err
		}
		if sec < -maxUnix || sec > maxUnix {
			return c.Return(vm.Nil)
		}
		t = time.Unix(sec, 0)
	}
	format = cString(format)
	zone := ""
	if strings.HasPrefix(format, "!") {
		t, zone, format = t.UTC(), "GMT", format[1:]
	} else {
		t = t.In(o.Location)
		zone, _ = t.Zone()
	}
	if !fitsTM(t) {
		return c.Return(vm.Nil)
	}
	if format == "*t" {
		return dateTable(c, t)
	}
	return dateText(c, t, zone, format)
}

var (
	dateKeys = [...]vm.Value{
		vm.SharedString("sec"), vm.SharedString("min"), vm.SharedString("hour"),
		vm.SharedString("day"), vm.SharedString("month"), vm.SharedString("year"),
		vm.SharedString("wday"), vm.SharedString("yday"),
	}
	keyDST = vm.SharedString("isdst")
)

func dateTable(c *vm.Call, t time.Time) error {
	out, err := c.NewTable(0, len(dateKeys)+1)
	if err != nil {
		return err
	}
	m := c.Machine()
	for i, n := range [len(dateKeys)]int{t.Second(), t.Minute(), t.Hour(), t.Day(), int(t.Month()), t.Year(),
		int(t.Weekday()) + 1, t.YearDay()} {
		if err := m.RawSet(out, dateKeys[i], vm.Int(n)); err != nil {
			return err
		}
	}
	if err := m.RawSet(out, keyDST, vm.Bool(t.IsDST())); err != nil {
		return err
	}
	return c.Return(out.Value())
}

// dateText replaces each % and the byte after it, as C Lua does: it hands them
// to strftime two by two, so flags and modifiers of more bytes do not exist.
func dateText(c *vm.Call, t time.Time, zone, format string) error {
	var known [256]string // each directive is worked out once
	directives, total := int64(0), int64(0)
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			total++
			continue
		}
		i++
		directives++
		if known[format[i]] == "" {
			if err := c.Work(20 * limits.Format); err != nil {
				return err
			}
			if err := c.Reserve(4 * limits.StringHeader); err != nil {
				return err
			}
			known[format[i]] = strftime(t, zone, format[i])
		}
		total += int64(len(known[format[i]]))
	}
	if err := c.Work(directives * limits.Format); err != nil {
		return err
	}
	if err := c.ReserveString(int(total)); err != nil {
		return err
	}
	var out strings.Builder
	out.Grow(int(total))
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		i++
		out.WriteString(known[format[i]])
	}
	return c.Return(vm.String(out.String()))
}

// strftime is C's strftime for one directive in the C locale, as the GNU C library
// has it (its manual, "Formatting Calendar Time").
func strftime(t time.Time, zone string, ch byte) string {
	year, month, day := t.Date()
	hour12 := (t.Hour()+11)%12 + 1
	switch ch {
	case 'a':
		return t.Weekday().String()[:3]
	case 'A':
		return t.Weekday().String()
	case 'b', 'h':
		return month.String()[:3]
	case 'B':
		return month.String()
	case 'c':
		return expand(t, zone, "%a %b %e %H:%M:%S %Y")
	case 'C':
		return fmt.Sprintf("%d", floorDiv(year, 100))
	case 'd':
		return fmt.Sprintf("%02d", day)
	case 'D', 'x':
		return expand(t, zone, "%m/%d/%y")
	case 'e':
		return fmt.Sprintf("%2d", day)
	case 'F':
		return expand(t, zone, "%Y-%m-%d")
	case 'g':
		y, _ := t.ISOWeek()
		return fmt.Sprintf("%02d", y-floorDiv(y, 100)*100)
	case 'G':
		y, _ := t.ISOWeek()
		return fmt.Sprintf("%d", y)
	case 'H':
		return fmt.Sprintf("%02d", t.Hour())
	case 'I':
		return fmt.Sprintf("%02d", hour12)
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay())
	case 'k':
		return fmt.Sprintf("%2d", t.Hour())
	case 'l':
		return fmt.Sprintf("%2d", hour12)
	case 'm':
		return fmt.Sprintf("%02d", int(month))
	case 'M':
		return fmt.Sprintf("%02d", t.Minute())
	case 'n':
		return "\n"
	case 'p':
		return strings.ToUpper(strftime(t, zone, 'P'))
	case 'P':
		if t.Hour() < 12 {
			return "am"
		}
		return "pm"
	case 'r':
		return expand(t, zone, "%I:%M:%S %p")
	case 'R':
		return expand(t, zone, "%H:%M")
	case 's':
		return fmt.Sprintf("%d", t.Unix())
	case 'S':
		return fmt.Sprintf("%02d", t.Second())
	case 't':
		return "\t"
	case 'T', 'X':
		return expand(t, zone, "%H:%M:%S")
	case 'u':
		return fmt.Sprintf("%d", (int(t.Weekday())+6)%7+1)
	case 'U': // weeks begin on Sunday
		return fmt.Sprintf("%02d", (t.YearDay()-1+7-int(t.Weekday()))/7)
	case 'V':
		_, week := t.ISOWeek()
		return fmt.Sprintf("%02d", week)
	case 'w':
		return fmt.Sprintf("%d", int(t.Weekday()))
	case 'W': // weeks begin on Monday
		return fmt.Sprintf("%02d", (t.YearDay()-1+7-(int(t.Weekday())+6)%7)/7)
	case 'y':
		return fmt.Sprintf("%02d", year-floorDiv(year, 100)*100)
	case 'Y':
		return fmt.Sprintf("%d", year)
	case 'z':
		return t.Format("-0700")
	case 'Z':
		return zone
	case '%':
		return "%"
	}
	// Not a directive: itself; after a digit, which is a width, padded to it.
	text := "%" + string([]byte{ch})
	if '0' <= ch && ch <= '9' {
		return fmt.Sprintf("%*s", int(ch-'0'), text)
	}
	return text
}

// expand replaces the directives of a format of our own.
func expand(t time.Time, zone, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		b.WriteString(strftime(t, zone, format[i]))
	}
	return b.String()
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
