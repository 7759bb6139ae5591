package dsmwire

import "encoding/json"

// RawObject is a part of a body that is passed on as it is.
type RawObject struct{ JSON json.RawMessage }

// MarshalJSON returns the part.
func (r RawObject) MarshalJSON() ([]byte, error) { return r.JSON, nil }

// UnmarshalJSON keeps a copy of the part.
func (r *RawObject) UnmarshalJSON(b []byte) error {
	r.JSON = append(r.JSON[:0:0], b...)
	return nil
}
