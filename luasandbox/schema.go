package luasandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/luasandbox/modrunner/limits"
)

// Schema describes all that scripts can reach through grants, for documentation,
// type stubs and mocks, as indented JSON. The same grants give the same bytes; things
// come in the order of their declaration. The document:
//
//	{"grants": [{"name", "doc", "functions": […], "values": […], "handles": […]}],
//	 "records": [{"name", "fields": [{"name", "type", "optional"}]}]}
//
// A function has "name", "doc", "params" (each "name", "type", "optional",
// "variadic", "cost_per", "filter": the name of one), "results" (each "name", "type"), "cost" in instructions
// with the price of every host call, and, where they are true, "fails" (it may raise
// an error), "blocking", "later" (it makes its caller wait) and "results_vary" (how
// many results there are, and of what type, shows at run time). A handle has "name",
// "doc", "methods", which are functions called with a colon, and "properties" (each
// "name", "doc", "type", "writable", "filter"). A type is an object with the "kind" "any",
// "boolean", "integer" (with "min", "max"), "number", "string", "bytes" (a string of
// any bytes), "list" ("of", and "length" if it is fixed), "map" ("key", "of"), "record"
// ("name"), "function" or "handle" ("name", or none for any handle of the grant).
//
// The error is that of the first grant which has one ([Grant.Err]).
func Schema(grants ...*Grant) ([]byte, error) {
	w := schemaWriter{names: map[reflect.Type]string{}, taken: map[string]bool{}}
	doc := schemaDocument{Grants: []grantSchema{}, Records: []recordSchema{}}
	for _, g := range grants {
		if g == nil {
			return nil, errors.New("a grant is nil")
		}
		if g.err != nil {
			return nil, g.err
		}
		doc.Grants = append(doc.Grants, w.grant(g))
	}
	for len(w.queue) > 0 {
		sh := w.queue[0]
		w.queue = w.queue[1:]
		doc.Records = append(doc.Records, w.record(sh))
	}
	return json.MarshalIndent(doc, "", "  ")
}

type schemaDocument struct {
	Grants  []grantSchema  `json:"grants"`
	Records []recordSchema `json:"records"`
}

type grantSchema struct {
	Name      string           `json:"name"`
	Doc       string           `json:"doc"`
	Functions []functionSchema `json:"functions"`
	Values    []valueSchema    `json:"values"`
	Handles   []handleSchema   `json:"handles"`
}

type functionSchema struct {
	Name        string         `json:"name"`
	Doc         string         `json:"doc"`
	Params      []paramSchema  `json:"params"`
	Results     []resultSchema `json:"results"`
	ResultsVary bool           `json:"results_vary,omitempty"`
	Later       bool           `json:"later,omitempty"`
	Fails       bool           `json:"fails,omitempty"`
	Blocking    bool           `json:"blocking,omitempty"`
	Cost        int64          `json:"cost"`
}

type paramSchema struct {
	Name     string     `json:"name"`
	Type     typeSchema `json:"type"`
	Optional bool       `json:"optional,omitempty"`
	Variadic bool       `json:"variadic,omitempty"`
	CostPer  int64      `json:"cost_per,omitempty"`
	Filter   string     `json:"filter,omitempty"`
}

type resultSchema struct {
	Name string     `json:"name,omitempty"`
	Type typeSchema `json:"type"`
}

type valueSchema struct {
	Name  string     `json:"name"`
	Type  typeSchema `json:"type"`
	Value any        `json:"value,omitempty"` // booleans, numbers and strings only
}

type handleSchema struct {
	Name       string           `json:"name"`
	Doc        string           `json:"doc"`
	Methods    []functionSchema `json:"methods"`
	Properties []propertySchema `json:"properties"`
}

type propertySchema struct {
	Name     string     `json:"name"`
	Doc      string     `json:"doc"`
	Type     typeSchema `json:"type"`
	Writable bool       `json:"writable,omitempty"`
	Filter   string     `json:"filter,omitempty"`
}

type recordSchema struct {
	Name   string        `json:"name"`
	Fields []fieldSchema `json:"fields"`
}

type fieldSchema struct {
	Name     string     `json:"name"`
	Type     typeSchema `json:"type"`
	Optional bool       `json:"optional,omitempty"`
}

type typeSchema struct {
	Kind   string      `json:"kind"`
	Name   string      `json:"name,omitempty"`
	Min    json.Number `json:"min,omitempty"`
	Max    json.Number `json:"max,omitempty"`
	Key    *typeSchema `json:"key,omitempty"`
	Of     *typeSchema `json:"of,omitempty"`
	Length *int        `json:"length,omitempty"`
}

// schemaWriter gives record types their names, in order of appearance.
type schemaWriter struct {
	names map[reflect.Type]string
	taken map[string]bool
	queue []*shape // records yet to be described
	open  []*shape // lists and maps being described, outermost first
}

func (w *schemaWriter) grant(g *Grant) grantSchema {
	out := grantSchema{Name: g.name, Doc: g.doc, Functions: w.functions(g.functions),
		Values: []valueSchema{}, Handles: []handleSchema{}}
	handles := map[reflect.Type][]*handleType{}
	for _, t := range g.types {
		handles[t.goType] = append(handles[t.goType], t)
	}
	for _, k := range g.constants {
		sh, err := newScope(handles).shapeOf(reflect.TypeOf(k.v))
		if err != nil {
			continue // NewGrant has seen to it that there is none
		}
		v := valueSchema{Name: k.name, Type: w.typ(sh)}
		switch sh.kind {
		case kindBoolean, kindInteger, kindString:
			v.Value = k.v
		case kindNumber:
			if f := reflect.ValueOf(k.v).Float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
				v.Value = k.v // what JSON can say
			}
		case kindHandle:
			if h, ok := k.v.(Handle); ok && h.t != nil {
				v.Type.Name = h.t.name
			}
		}
		out.Values = append(out.Values, v)
	}
	for _, t := range g.types {
		h := handleSchema{Name: t.name, Doc: t.doc, Methods: w.functions(t.methods), Properties: []propertySchema{}}
		for _, name := range t.names {
			p := t.properties[name]
			ps := propertySchema{Name: name, Doc: p.get.doc,
				Type: w.typ(p.get.results[0].shape), Writable: p.set != nil}
			if p.set != nil {
				ps.Filter = p.set.params[0].filterName
			}
			h.Properties = append(h.Properties, ps)
		}
		out.Handles = append(out.Handles, h)
	}
	return out
}

func (w *schemaWriter) functions(fs []*function) []functionSchema {
	out := make([]functionSchema, 0, len(fs))
	for _, f := range fs {
		s := functionSchema{Name: f.name, Doc: f.doc, Params: []paramSchema{}, Results: []resultSchema{},
			ResultsVary: f.spread || f.later, Later: f.later, Fails: f.fails || f.later, Blocking: f.blocking,
			Cost: limits.MulAdd(1, f.cost, limits.HostCall)}
		for i, p := range f.params {
			last := f.variadic && i == len(f.params)-1
			s.Params = append(s.Params, paramSchema{Name: p.name, Type: w.typ(p.shape),
				Optional: p.optional && !last, Variadic: last, CostPer: p.per, Filter: p.filterName})
		}
		for _, r := range f.results {
			s.Results = append(s.Results, resultSchema{Name: r.name, Type: w.typ(r.shape)})
		}
		if f.spread || f.later {
			for _, name := range f.resultNames {
				s.Results = append(s.Results, resultSchema{Name: name, Type: typeSchema{Kind: kindAny}})
			}
		}
		out = append(out, s)
	}
	return out
}

func (w *schemaWriter) typ(sh *shape) typeSchema {
	t := typeSchema{Kind: sh.kind, Min: json.Number(sh.min), Max: json.Number(sh.max)}
	if slices.Contains(w.open, sh) {
		return typeSchema{Kind: kindAny} // a list of such lists, for ever
	}
	w.open = append(w.open, sh)
	defer func() { w.open = w.open[:len(w.open)-1] }()
	switch sh.kind {
	case kindOptional:
		return w.typ(sh.elem)
	case kindRecord:
		t.Name = w.name(sh)
	case kindHandle:
		if sh.handle != nil {
			t.Name = sh.handle.name
		}
	case kindMap:
		key := w.typ(sh.key)
		t.Key = &key
		fallthrough
	case kindList:
		of := w.typ(sh.elem)
		t.Of = &of
		if sh.length >= 0 && sh.kind == kindList {
			t.Length = &sh.length
		}
	}
	return t
}

// name returns the name of a record, a Go type's, with a number if two have one name.
func (w *schemaWriter) name(sh *shape) string {
	if name, ok := w.names[sh.typ]; ok {
		return name
	}
	base := sh.typ.Name()
	if base == "" {
		base = "record"
	}
	name := base
	for i := 2; w.taken[name]; i++ {
		name = fmt.Sprintf("%s%d", base, i)
	}
	w.names[sh.typ], w.taken[name] = name, true
	w.queue = append(w.queue, sh)
	return name
}

func (w *schemaWriter) record(sh *shape) recordSchema {
	r := recordSchema{Name: w.name(sh), Fields: []fieldSchema{}}
	for _, f := range sh.fields {
		r.Fields = append(r.Fields, fieldSchema{Name: f.name, Type: w.typ(f.shape), Optional: f.optional || f.shape.optional})
	}
	return r
}
