package doctor

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse/core/hsm"
)

// Examine reports what a survey says of a library loaded from path, with the
// findings for each slot that holds a token.
func Examine(path string, s hsm.Survey) *Report {
	r := &Report{Library: Library{
		Path: path, Description: s.Library.Description, Manufacturer: s.Library.Manufacturer,
		Version: s.Library.Version, Cryptoki: s.Library.Cryptoki,
	}}
	for _, slot := range s.Slots {
		r.Slots = append(r.Slots, examine(slot))
	}
	return r
}

func examine(in hsm.Slot) Slot {
	s := Slot{ID: in.ID, Description: in.Description, State: StateReady, Unreadable: in.Unreadable, Mechanisms: len(in.Mechanisms)}
	switch {
	case !in.TokenPresent:
		s.State = StateEmpty
		s.find(Error, "the slot holds no token", "insert one, or choose another slot: see gatehouse-hmg slots")
		return s
	case !in.Token.Flags.Has(hsm.FlagTokenInitialised):
		s.State = StateUninitialised
	}
	s.Token = describe(in.Token)
	s.judgeToken(in.Token)
	if s.State != StateReady {
		return s
	}
	for _, o := range in.Offers {
		s.Tasks = append(s.Tasks, Task{
			Key: o.Task.Key(), Does: o.Task.What(), Mechanism: o.Mechanism, Listed: o.Listed, Why: o.Why, task: o.Task,
		})
	}
	s.judgeMechanisms()
	return s
}

func describe(t hsm.TokenInfo) *Token {
	names, rest := t.Flags.Names()
	d := &Token{
		Label: t.Label, Manufacturer: t.Manufacturer, Model: t.Model, Serial: t.Serial,
		Hardware: t.Hardware, Firmware: t.Firmware, Flags: names, PINMin: t.PINMin, PINMax: t.PINMax,
		Sessions: sessions(t.Sessions), RWSessions: sessions(t.RWSessions), URI: uri(t),
	}
	if rest != 0 {
		d.OtherFlags = fmt.Sprintf("0x%x", uint(rest))
	}
	return d
}

func sessions(c hsm.Count) string {
	now, most := "unknown", "unknown"
	if c.Now >= 0 {
		now = fmt.Sprint(c.Now)
	}
	switch {
	case c.Max > 0:
		most = fmt.Sprint(c.Max)
	case c.Max == 0:
		most = "any number"
	}
	return now + " of " + most
}

// uri names the token as RFC 7512 does.
func uri(t hsm.TokenInfo) string {
	var parts []string
	for _, p := range [][2]string{{"model", t.Model}, {"manufacturer", t.Manufacturer}, {"serial", t.Serial}, {"token", t.Label}} {
		if p[1] != "" {
			parts = append(parts, p[0]+"="+strings.ReplaceAll(url.QueryEscape(p[1]), "+", "%20"))
		}
	}
	return "pkcs11:" + strings.Join(parts, ";")
}

// judgeToken finds what the token's flags and limits mean for a gateway.
func (s *Slot) judgeToken(t hsm.TokenInfo) {
	f := t.Flags
	switch {
	case s.State == StateUninitialised:
		s.find(Error, "the token is not initialised", "initialise it with its vendor's tool, and give it a user PIN")
		return
	case f.Has(hsm.FlagErrorState):
		s.find(Error, "the token says that it is in an error state", "look at the HSM's own log; many must be restarted")
	}
	switch {
	case f.Has(hsm.FlagUserPINLocked):
		s.find(Error, "the user PIN is locked", "the security officer must set it anew")
	case f.Has(hsm.FlagUserPINFinalTry):
		s.find(Warning, "one more wrong PIN locks the token", "log in once with the right PIN by the vendor's own tool")
	case f.Has(hsm.FlagUserPINCountLow):
		s.find(Warning, "somebody has tried a wrong PIN", "find out who: a gateway tries a PIN once")
	}
	if f.Has(hsm.FlagLoginRequired) && !f.Has(hsm.FlagUserPINInitialised) && !f.Has(hsm.FlagProtectedPath) {
		s.find(Warning, "the token says that its user PIN was never set", "set it; some HSMs say so although it is set")
	}
	if f.Has(hsm.FlagUserPINToBeChanged) {
		s.find(Warning, "the token wants another user PIN", "change it before the gateway uses it: many tokens do nothing else until then")
	}
	if f.Has(hsm.FlagProtectedPath) {
		s.find(Note, "the PIN is entered at the token itself (protected authentication path)",
			"somebody must be there whenever the gateway logs in, also after a failure; leave the connection's PIN empty")
	}
	if !f.Has(hsm.FlagLoginRequired) {
		s.find(Note, "the token asks for no login", "whoever can load the library can use its public objects")
	}
	if f.Has(hsm.FlagWriteProtected) {
		s.find(Warning, "the token is write-protected", "keys cannot be made, imported, changed or deleted; those that are there can be used")
	}
	if !f.Has(hsm.FlagRNG) {
		s.find(Note, "the token has no random number generator", "health checks then ask only who it is")
	}
	s.judgeSessions(t)
}

// judgeSessions compares the limits with what a gateway opens: one session that
// holds the login, and others that work.
func (s *Slot) judgeSessions(t hsm.TokenInfo) {
	for _, c := range []struct {
		hsm.Count
		kind string
	}{{t.Sessions, "sessions"}, {t.RWSessions, "sessions that may write"}} {
		switch {
		case c.Max <= 0:
		case c.Max == 1:
			s.find(Warning, "the token allows one of its "+c.kind,
				"PKCS11_WORKERS=1 and PKCS11_SESSIONS=1: requests come one by one")
		case c.Max <= 5:
			s.find(Note, fmt.Sprintf("the token allows %d %s", c.Max, c.kind),
				fmt.Sprintf("PKCS11_SESSIONS times PKCS11_WORKERS may be %d: each worker needs one more for the login", c.Max-1))
		}
		if c.Max > 0 && c.Now >= c.Max {
			s.find(Warning, "all "+c.kind+" are taken", "end the application that holds them; orphaned ones may need a restart of the HSM's client")
		}
	}
}

// judgeMechanisms finds out whether the list leaves anything to do.
func (s *Slot) judgeMechanisms() {
	use := 0
	for _, t := range s.Tasks {
		if t.Listed && (t.task.Does == hsm.TaskSign || t.task.Does == hsm.TaskEncrypt || t.task.Does == hsm.TaskMAC) {
			use++
		}
	}
	switch {
	case s.Unreadable != "":
		s.find(Warning, "not everything could be read ("+s.Unreadable+")", "try again; look at the HSM's own log")
	case s.Mechanisms == 0:
		s.find(Warning, "the token lists no mechanisms", "the list is a hint only: --try tells")
	case use == 0:
		s.find(Error, "the token lists no mechanism by which Gatehouse could sign, encrypt or authenticate",
			"choose another slot: this may be one for administration, or for cards only")
	}
}

// Judge sums up: Works is whether every one of the slots given by id, or with
// none given every ready slot, and at least one, has what is essential.
func (r *Report) Judge(ids ...uint) {
	seen := 0
	r.Works = true
	for i := range r.Slots {
		s := &r.Slots[i]
		if len(ids) == 0 && s.State != StateReady || len(ids) > 0 && !slices.Contains(ids, s.ID) {
			continue
		}
		seen++
		r.Works = r.Works && !s.Bad()
	}
	r.Works = r.Works && seen > 0
}

// Only drops all slots but those with the given ids.
func (r *Report) Only(ids ...uint) {
	r.Slots = slices.DeleteFunc(r.Slots, func(s Slot) bool { return !slices.Contains(ids, s.ID) })
}

// Brief drops what a list of slots does not show.
func (r *Report) Brief() {
	for i := range r.Slots {
		s := &r.Slots[i]
		s.Findings, s.Tasks = nil, nil
	}
}
