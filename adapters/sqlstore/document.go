package sqlstore

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// encode returns v as the JSON text that a column holds.
func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fault.Wrap(fault.Internal, err, "encoding a value for the database")
	}
	return string(b), nil
}

// decode reads JSON text into v. A field that v has not is an error: a change
// of the value would lose it.
func decode(text string, v any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something follows the JSON value")
	}
	return nil
}

func damaged(err error, what, id string) error {
	return fault.Wrap(fault.Internal, err, "%s %s is damaged in the database", what, id)
}

func identityChanged(what string) error {
	return fault.New(fault.Internal, "the change of %s would give it another id or account", what)
}

// stamp is a point in time as it is stored: microseconds since 1970 in UTC, NULL
// in a column and left out of a document when it is unset.
type stamp struct{ time.Time }

func at(t time.Time) stamp { return stamp{t} }

// ofMicro returns the time that is stored as us.
func ofMicro(us int64) stamp { return stamp{time.UnixMicro(us).UTC()} }

// Value makes stamp a driver.Valuer.
func (s stamp) Value() (driver.Value, error) {
	if s.IsZero() {
		return nil, nil
	}
	return s.UnixMicro(), nil
}

// Scan makes stamp a sql.Scanner.
func (s *stamp) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*s = stamp{}
	case int64:
		*s = ofMicro(v)
	default:
		return fmt.Errorf("a time is stored as %T", v)
	}
	return nil
}

// MarshalJSON writes a number; fields are marked omitzero.
func (s stamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, s.UnixMicro(), 10), nil
}

// UnmarshalJSON reads a number.
func (s *stamp) UnmarshalJSON(b []byte) error {
	us, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return err
	}
	*s = ofMicro(us)
	return nil
}

// principal is id.Principal in a document.
type principal struct {
	Kind id.PrincipalKind `json:"kind"`
	ID   string           `json:"id"`
}

// tags returns the text that holds metadata, an object of strings.
func tags(m map[string]string) (string, error) {
	if len(m) == 0 {
		return "{}", nil
	}
	return encode(m)
}

func metadata(text string) (map[string]string, error) {
	var m map[string]string
	if err := decode(text, &m); err != nil || len(m) == 0 {
		return nil, err
	}
	return m, nil
}

// none returns b, or nil when it is empty, which is how nothing is stored.
func none[B ~[]byte](b B) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
