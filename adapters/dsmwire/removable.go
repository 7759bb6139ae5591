package dsmwire

import "encoding/json"

// Removable is a setting that a PATCH may set or, with the string "remove",
// unset. Neither means that the setting stays as it is.
type Removable[T any] struct {
	Set    *T
	Remove bool
}

const remove = "remove"

// IsZero reports whether the setting stays as it is.
func (r Removable[T]) IsZero() bool { return r.Set == nil && !r.Remove }

// MarshalJSON writes the value or "remove".
func (r Removable[T]) MarshalJSON() ([]byte, error) {
	if r.Remove {
		return json.Marshal(remove)
	}
	return json.Marshal(r.Set)
}

// UnmarshalJSON reads the value or "remove"; null leaves the setting as it is.
func (r *Removable[T]) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "null":
		return nil
	case `"` + remove + `"`:
		*r = Removable[T]{Remove: true}
		return nil
	}
	v := new(T)
	if err := json.Unmarshal(b, v); err != nil {
		return err
	}
	*r = Removable[T]{Set: v}
	return nil
}
