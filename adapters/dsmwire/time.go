package dsmwire

import (
	"time"

	"gatehouse/core/fault"
)

// Time is a point in time in the API's compact form, YYYYMMDDTHHMMSSZ, in UTC
// and whole seconds. The zero Time is left out of bodies by the omitzero option.
type Time struct{ t time.Time }

// layouts are what is read; the first is written. Numeric offsets are what one
// public client's parser allows.
const (
	layout       = "20060102T150405Z"
	layoutOffset = "20060102T150405Z0700"
)

// NewTime returns t as a Time; fractions of a second are cut off.
func NewTime(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.UTC().Truncate(time.Second)}
}

// Time returns the point in time, zero for the zero Time.
func (t Time) Time() time.Time { return t.t }

// IsZero reports whether t is not set.
func (t Time) IsZero() bool { return t.t.IsZero() }

// String returns the compact form, or nothing for the zero Time.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.t.Format(layout)
}

// MarshalText returns the compact form.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the compact form; nothing is the zero Time.
func (t *Time) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*t = Time{}
		return nil
	}
	if len(b) > len(layout)+len("+0000") {
		return errTime()
	}
	parsed, err := time.Parse(layoutOffset, string(b))
	if err != nil || parsed.IsZero() || parsed.Nanosecond() != 0 {
		return errTime()
	}
	if utc := parsed.UTC(); utc.Year() < 1 || utc.Year() > 9999 {
		return errTime()
	}
	*t = NewTime(parsed)
	return nil
}

func errTime() error {
	return fault.New(fault.Invalid, "a time is not of the form YYYYMMDDTHHMMSSZ")
}
