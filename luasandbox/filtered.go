package luasandbox

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/luasandbox/modrunner/limits"
)

// Filter cleans a text, such as what a script says to players. It may be called from
// several goroutines at the same time.
type Filter interface {
	// Name is what the schema calls the filter: constant, and not empty.
	Name() string
	// Clean returns what of text may pass, or an error whose text the script sees. It
	// takes time in proportion to the length of text, and returns no more than
	// a few times as much.
	Clean(text string) (string, error)
}

// Filtered passes the string that is the argument of a parameter, named by [Params],
// through f before the function gets it; of a variadic parameter each. The parameter is
// of a string type, or a pointer to one, whose nil passes. An error of the filter's is
// the script's: it is raised as that of a bad argument, and the function is not called.
// The work is charged by the length of the argument, before it is done.
//
// For a [Property], the parameter is the value that is set, and is called "value".
func Filtered(param string, f Filter) FuncOption {
	return func(fn *function) { fn.filters = append(fn.filters, filtered{param, f}) }
}

type filtered struct {
	param  string
	filter Filter
}

// analyseFilters gives the parameters their filters.
func (f *function) analyseFilters(byName map[string]*param) error {
	for _, by := range f.filters {
		p := byName[by.param]
		switch {
		case p == nil:
			return fmt.Errorf("Filtered names %q, which is no parameter", by.param)
		case by.filter == nil:
			return fmt.Errorf("the filter of %q is nil", by.param)
		case p.filter != nil:
			return fmt.Errorf("two filters for %q", by.param)
		}
		sh := p.shape
		if sh.kind == kindOptional {
			sh = sh.elem
		}
		if sh.kind != kindString {
			return fmt.Errorf("Filtered names %q, which is no string", by.param)
		}
		name, err := filterName(by.filter)
		if err != nil {
			return fmt.Errorf("the filter of %q: %w", by.param, err)
		}
		p.filter, p.filterName = by.filter, name
	}
	return nil
}

func filterName(f Filter) (name string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked{v}
		}
	}()
	if name = f.Name(); name == "" {
		return "", errors.New("it has no name")
	}
	return strings.Clone(name), nil
}

// filterPanic is the failure of a filter.
type filterPanic struct {
	panicked
	stack []byte
}

// clean passes what is in slot through p's filter.
func (d *decoding) clean(p *param, slot reflect.Value) error {
	if slot.Kind() == reflect.Pointer {
		if slot.IsNil() {
			return nil
		}
		slot = slot.Elem()
	}
	text := slot.String()
	n := int64(len(text))
	if err := d.m.Work(limits.MulAdd(n, limits.FilterByte, limits.FilterCall)); err != nil {
		return err
	}
	if err := d.m.Reserve(limits.MulAdd(2, n, limits.FilterBytes)); err != nil {
		return err
	}
	clean, err := cleaned(p.filter, text)
	switch err := err.(type) {
	case nil:
	case *filterPanic:
		return err
	default:
		if charged := d.m.Reserve(limits.HostErrorBytes); charged != nil {
			return charged
		}
		reason := filterReason(err)
		if charged := d.m.Reserve(int64(len(reason))); charged != nil {
			return charged
		}
		return &mismatch{want: reason}
	}
	if more := int64(len(clean)) - 2*n; more > 0 {
		if err := d.m.Reserve(more); err != nil {
			return err
		}
	}
	slot.SetString(clean)
	return nil
}

func cleaned(f Filter, text string) (clean string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &filterPanic{panicked{v}, debug.Stack()}
		}
	}()
	return f.Clean(text)
}

// filterReason returns the text of a filter's error, which a script sees.
func filterReason(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = "it did not pass"
		}
	}()
	text = err.Error()
	return text[:min(len(text), maxHostMessage)]
}
