package tokentest

import (
	"strings"
	"testing"

	"gatehouse/core/hsm"
)

// The attributes of a run's tests (testing.T.Attr), from which the table of tested
// tokens is made.
const (
	AttrManufacturer = "token.manufacturer"
	AttrModel        = "token.model"
	AttrFirmware     = "token.firmware"
	AttrLibrary      = "token.library"
	AttrRefuses      = "token.refuses" // a case that the token refuses as unsupported; once for each
)

// describe tells of the token under test.
func describe(t *testing.T, info hsm.Info) {
	t.Helper()
	attr(t, AttrManufacturer, info.Manufacturer)
	attr(t, AttrModel, info.Model)
	attr(t, AttrFirmware, info.Firmware)
	attr(t, AttrLibrary, info.Library)
}

func attr(t *testing.T, key, value string) {
	t.Helper()
	t.Attr(key, strings.Join(strings.Fields(value), " ")) // a value has no line breaks
}

// Stranger makes h fit for a token of which only its owner knows, and that may
// hold other keys: its refusals are recorded instead of compared with a list, no
// wrong PIN is tried, nobody else works on the token, and no key stays behind.
func (h *Harness) Stranger() {
	h.RefusesUnknown, h.Tidy = true, true
	h.OpenWrongPIN, h.Foreign, h.Swap = nil, nil, nil
	h.NotApplicable = map[string]string{
		"OpenWrongPIN": "a wrong PIN may lock the token",
		"Foreign":      "nobody else works on the token",
		"Swap":         "the token stays where it is",
		"FailApplied":  "nothing can be made to fail",
		"Hang":         "nothing can be made to hang",
	}
	if h.Reinitialise == nil {
		h.NotApplicable["Reinitialise"] = "not by this way"
	}
}
