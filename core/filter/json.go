package filter

import (
	"encoding/json"
	"strings"

	"gatehouse/core/fault"
)

// shape is what a JSON value is.
type shape int

const (
	object shape = iota
	list
	str
	number
	boolean
	null
)

// value is a JSON value with its members in order.
type value struct {
	shape shape
	names []string // of an object's items
	items []value
	text  string // of a string, and of a number as it is written
	flag  bool
}

func invalid(why string) error { return fault.New(fault.Invalid, "filter %s", why) }

// read reads the one JSON value that is all of s. Its members have different
// names, and it is not too large.
func read(s string) (value, error) {
	if len(s) > MaxText {
		return value{}, fault.New(fault.Invalid, "filter must not be longer than %d bytes", MaxText)
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	v, err := next(d, 0)
	if err != nil {
		return value{}, err
	}
	if strings.TrimSpace(s[d.InputOffset():]) != "" {
		return value{}, notJSON()
	}
	return v, nil
}

func notJSON() error { return invalid("is not a JSON object") }

func next(d *json.Decoder, depth int) (value, error) {
	if depth > MaxDepth {
		return value{}, fault.New(fault.Invalid, "filter must not be nested deeper than %d levels", MaxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return value{}, notJSON()
	}
	switch t := token.(type) {
	case string:
		return value{shape: str, text: t}, nil
	case json.Number:
		return value{shape: number, text: t.String()}, nil
	case bool:
		return value{shape: boolean, flag: t}, nil
	case json.Delim:
		if t == '[' {
			return items(d, value{shape: list}, depth)
		}
		return items(d, value{shape: object}, depth)
	default:
		return value{shape: null}, nil
	}
}

// items reads the rest of an object or a list.
func items(d *json.Decoder, v value, depth int) (value, error) {
	seen := map[string]bool{}
	for d.More() {
		if v.shape == object {
			name, err := d.Token()
			if err != nil {
				return value{}, notJSON()
			}
			n, _ := name.(string)
			if seen[n] {
				return value{}, invalid("has a member twice in one object")
			}
			seen[n] = true
			v.names = append(v.names, n)
		}
		item, err := next(d, depth+1)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	if _, err := d.Token(); err != nil {
		return value{}, notJSON()
	}
	return v, nil
}
