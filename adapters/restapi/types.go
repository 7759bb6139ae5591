package restapi

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

// stampLayout is the API's compact form of ISO 8601 times.
const stampLayout = "20060102T150405Z"

// stamp is a time on the wire. The zero time is left out by `omitzero`.
type stamp struct{ time.Time }

func stampOf(t time.Time) stamp { return stamp{t} }

// MarshalJSON writes the compact form, in UTC.
func (t stamp) MarshalJSON() ([]byte, error) {
	return []byte(`"` + t.UTC().Format(stampLayout) + `"`), nil
}

// UnmarshalJSON reads the compact form.
func (t *stamp) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fault.New(fault.Invalid, "a time in the request body is not a string")
	}
	if string(b) == "null" {
		return nil
	}
	parsed, err := time.Parse(stampLayout, s)
	if err != nil {
		return fault.New(fault.Invalid, "a time in the request body is not of the form YYYYMMDDTHHMMSSZ")
	}
	t.Time = parsed
	return nil
}

// Schema describes the compact form.
func (stamp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Pattern: `^\d{8}T\d{6}Z$`, Examples: []any{"20261121T213000Z"}}
}

// confidential is a secret as a JSON string, on its way in.
type confidential struct{ secret.Value }

// UnmarshalJSON takes a string.
func (c *confidential) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fault.New(fault.Invalid, "a secret in the request body is not a string")
	}
	c.Value = secret.FromString(s)
	return nil
}

// Schema describes the string.
func (confidential) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Format: "password", WriteOnly: true}
}

// disclosed is a secret on its way out, in the one reply that is made to show it.
type disclosed struct{ secret.Value }

// MarshalJSON writes the secret as a string.
func (d disclosed) MarshalJSON() ([]byte, error) {
	return json.Marshal(string(d.Reveal(reveal.Permit{})))
}

// Schema describes the string.
func (disclosed) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: "string"} }
