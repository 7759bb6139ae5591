// Package doctor says what will work with a PKCS#11 library and its tokens,
// before a gateway serves them: from what the library tells of itself, and on
// request by trying everything that Gatehouse does.
//
// What it tries it does with keys of its own, which it removes whatever happens;
// what could not be removed is in the report. It never logs in by itself: who
// opens the token has tried the PIN, once. `gatehouse-hmg doctor` uses it.
// Functions only; they may be called at once for different tokens.
package doctor

import (
	"gatehouse/core/hsm"
)

// Report is what the doctor found; its JSON is documented in docs/hsm/README.md.
type Report struct {
	Library Library `json:"library"`
	Slots   []Slot  `json:"slots"`
	Works   bool    `json:"works"` // nothing essential is missing
}

// Library describes the PKCS#11 library.
type Library struct {
	Path         string `json:"path"`
	Description  string `json:"description"`
	Manufacturer string `json:"manufacturer"`
	Version      string `json:"version"`
	Cryptoki     string `json:"cryptoki"`
}

// Slot describes a slot; Findings and what follows are the doctor's.
type Slot struct {
	ID          uint       `json:"id"`
	Description string     `json:"description"`
	State       string     `json:"state"` // StateReady and kin
	Token       *Token     `json:"token,omitempty"`
	Unreadable  string     `json:"unreadable,omitempty"`
	Findings    []Finding  `json:"findings,omitempty"`
	Tasks       []Task     `json:"tasks,omitempty"`
	Mechanisms  int        `json:"mechanisms,omitempty"` // how many the token lists
	Tried       bool       `json:"tried,omitempty"`
	Quirks      []Quirk    `json:"quirks,omitempty"`
	Callers     []Rate     `json:"callers,omitempty"`
	Settings    []Setting  `json:"settings,omitempty"`
	Left        []LeftOver `json:"left,omitempty"` // keys that could not be removed
}

// The states of a slot.
const (
	StateReady         = "ready"
	StateEmpty         = "empty"
	StateUninitialised = "uninitialized"
)

// Token describes a token.
type Token struct {
	Label        string   `json:"label"`
	Manufacturer string   `json:"manufacturer"`
	Model        string   `json:"model"`
	Serial       string   `json:"serial"`
	Hardware     string   `json:"hardware_version"`
	Firmware     string   `json:"firmware_version"`
	Flags        []string `json:"flags"`
	OtherFlags   string   `json:"other_flags,omitempty"` // hexadecimal
	PINMin       uint     `json:"pin_min"`
	PINMax       uint     `json:"pin_max"`
	Sessions     string   `json:"sessions"`    // "now of most"
	RWSessions   string   `json:"rw_sessions"` // likewise
	URI          string   `json:"uri"`         // RFC 7512
}

// Finding is something that an operator should know.
type Finding struct {
	Severity Severity `json:"severity"`
	Says     string   `json:"says"`
	Do       string   `json:"do,omitempty"` // what helps
}

// Severity of a finding.
type Severity string

// The severities. With an Error the slot cannot be used.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Task tells of one thing that Gatehouse does with keys of one kind.
type Task struct {
	Key       string  `json:"key"`
	Does      string  `json:"does"`
	Mechanism string  `json:"mechanism,omitempty"`
	Listed    bool    `json:"listed"` // true for what needs no mechanism
	Why       string  `json:"why,omitempty"`
	Tried     Outcome `json:"tried,omitempty"`
	Error     string  `json:"error,omitempty"`
	Millis    float64 `json:"milliseconds,omitempty"`

	task hsm.Task
}

// Outcome of a try; empty when there was none.
type Outcome string

// The outcomes of a try.
const (
	Works   Outcome = "works"
	Refused Outcome = "refused" // the token says that it does not do this
	Failed  Outcome = "failed"
)

// Quirk is hsm.Quirk.
type Quirk struct {
	Name  string `json:"name"`
	Finds string `json:"finds"`
	Good  bool   `json:"good"`
}

// Rate is how many operations there were with some callers at once.
type Rate struct {
	Callers   int     `json:"callers"`
	Does      string  `json:"does"`
	PerSecond float64 `json:"per_second"`
	Failed    int     `json:"failed"`
}

// Setting is a recommended setting of the gateway.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Why   string `json:"why"`
}

// LeftOver is a key that the doctor made and could not remove.
type LeftOver struct {
	Class string `json:"class"`
	ID    string `json:"id"` // CKA_ID, hexadecimal
	Label string `json:"label"`
}

// Bad reports whether something essential is missing.
func (s *Slot) Bad() bool {
	for _, f := range s.Findings {
		if f.Severity == Error {
			return true
		}
	}
	return false
}

func (s *Slot) find(severity Severity, says, do string) {
	s.Findings = append(s.Findings, Finding{severity, says, do})
}
