package restapi

import (
	"bytes"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// unbuilt is a field of the API that Gatehouse does not have. It only notes
// whether the field asks for something: null, an empty value and the literal
// "remove" ask for nothing. What asks is refused: a policy that would not be
// obeyed must not look as if it were.
type unbuilt struct{ wanted bool }

// UnmarshalJSON notes whether the value is more than empty.
func (u *unbuilt) UnmarshalJSON(b []byte) error {
	switch string(bytes.Join(bytes.Fields(b), nil)) {
	case `null`, `{}`, `[]`, `""`, `"remove"`, `false`:
		u.wanted = false
	default:
		u.wanted = true
	}
	return nil
}

// Schema describes that anything may be there.
func (unbuilt) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "Not supported: refused unless empty"}
}

// refuse is the refusal of a field that asks for something.
func (u unbuilt) refuse(field string) error {
	if u.wanted {
		return notYet(field)
	}
	return nil
}

// named is a field with its name.
type named struct {
	field string
	value unbuilt
}

// refuseUnbuilt refuses the first field that asks for something.
func refuseUnbuilt(fields ...named) error {
	for _, f := range fields {
		if err := f.value.refuse(f.field); err != nil {
			return err
		}
	}
	return nil
}

// nonZero is an unbuilt field whose zero asks for nothing.
type nonZero struct{ unbuilt }

// UnmarshalJSON notes whether the value is more than 0.
func (n *nonZero) UnmarshalJSON(b []byte) error {
	if string(b) == "0" {
		return nil
	}
	return n.unbuilt.UnmarshalJSON(b)
}

// notOpen is an address policy; to allow all is to ask for nothing.
type notOpen struct{ unbuilt }

// UnmarshalJSON notes whether the value is more than "allow_all".
func (n *notOpen) UnmarshalJSON(b []byte) error {
	if string(b) == `"allow_all"` {
		return nil
	}
	return n.unbuilt.UnmarshalJSON(b)
}

// enabling is an option with a state; to disable it is to ask for nothing.
type enabling struct{ unbuilt }

// UnmarshalJSON notes whether the value is more than the state disabled.
func (e *enabling) UnmarshalJSON(b []byte) error {
	var o struct {
		State string `json:"state"`
	}
	if json.Unmarshal(b, &o) == nil && o.State == "disabled" {
		return nil
	}
	return e.unbuilt.UnmarshalJSON(b)
}
