package doctor

import (
	"slices"

	"gatehouse/core/fault"
)

// Login says whether the token wants a PIN, and whether none must be tried: where
// there is no token, where the PIN is locked, and, unless somebody insists, where
// one more wrong one would lock it.
func (s *Slot) Login(insist bool) (wants, refuse bool) {
	if s.State != StateReady {
		return false, true
	}
	has := func(flag string) bool { return slices.Contains(s.Token.Flags, flag) }
	switch {
	case has("user PIN locked"):
		return true, true
	case has("final user PIN try") && !insist:
		s.find(Error, "nothing was tried: one more wrong PIN locks the token", "use --insist when you are sure of the PIN")
		return true, true
	}
	return has("login required") && !has("PIN pad present"), false
}

// NotOpened records that the token could not be opened for trying.
func (s *Slot) NotOpened(err error) {
	do := map[fault.Reason]string{
		fault.PINIncorrect: "the PIN was tried once, and will not be again: look it up, for more wrong ones may lock the token",
		fault.PINLocked:    "the security officer must set the PIN anew",
		fault.PINExpired:   "the PIN must be changed with the HSM's own tool first",
		fault.PINUnset:     "the PIN must be set with the HSM's own tool first",
		fault.PINMissing:   "name a file that holds the PIN with --pin-file",
		fault.WrongSlot:    "choose a slot that holds an initialised token: see gatehouse-hmg slots",
	}[fault.ReasonOf(err)]
	if do == "" {
		do = "look at the HSM's own log, and whether its client is configured"
	}
	s.find(Error, "logging in failed: "+reason(err), do)
}
