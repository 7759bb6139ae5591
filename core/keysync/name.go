package keysync

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/core/keys"
)

// Name returns the name that a virtual key for f gets: its CKA_LABEL where that
// is readable text, else its CKA_ID in hex, else its type; made unique with a
// number, as taken asks.
func (f Found) Name(taken func(string) bool) string {
	base := readable(f.Pointer.Label)
	if base == "" && len(f.Pointer.ID) != 0 {
		base = "id-" + hex.EncodeToString(f.Pointer.ID[:min(len(f.Pointer.ID), 32)])
	}
	if base == "" {
		base = "unnamed " + string(f.Type)
	}
	name := base
	for n := 2; taken(name); n++ {
		name = base + " (" + strconv.Itoa(n) + ")"
	}
	return name
}

// readable returns label as a name, or nothing when it is not one line of text.
func readable(label []byte) string {
	s := strings.TrimRight(string(label), " \x00")
	if !utf8.ValidString(s) || strings.TrimSpace(s) == "" || len(s) > keys.MaxName-16 {
		return ""
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return ""
		}
	}
	return s
}
