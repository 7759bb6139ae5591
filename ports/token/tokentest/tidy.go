package tokentest

import (
	"bytes"
	"context"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
)

// tidy destroys every object that the suite has made: those whose CKA_ID begins
// as all of its do.
func (s *suite) tidy(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*patience) // t's has ended
	defer cancel()
	for _, halves := range []bool{false, true} { // with a private key goes its public half
		var made []hsm.Object
		err := s.tok.Inventory(ctx, hsm.Filter{}, func(o hsm.Object) error {
			if bytes.HasPrefix(o.ID, s.prefix) && (halves || o.Class != hsm.PublicKey) {
				made = append(made, o)
			}
			return nil
		})
		if err != nil {
			t.Errorf("looking for what the suite has made: %v", err)
		}
		for _, o := range made {
			if err := s.tok.Destroy(ctx, o.Ref()); err != nil && fault.KindOf(err) != fault.NotFound {
				t.Errorf("a %s with id %x is left in the token: %v", o.Class, o.ID, err)
			}
		}
	}
}
