package keys

import "gatehouse/core/id"

// Remote returns the id of the key in another service, when that is where p
// leads: its fingerprint then is that id.
func (p Pointer) Remote() (kid string, is bool) {
	kid = string(p.Fingerprint)
	return kid, id.Valid(kid)
}
