package tokentest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/core/hsm"
)

// check: the token says who it is, and says the same when asked again.
func (s *suite) check(t *testing.T) {
	first, err := s.tok.Check(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if first.Serial == "" && first.Label == "" {
		t.Error("the token has neither serial nor label")
	}
	if len(first.Capabilities.Generate) == 0 || len(first.Capabilities.Mechanisms) == 0 {
		t.Errorf("the capabilities are empty: %+v", first.Capabilities)
	}
	second, err := s.tok.Check(within(t))
	if err != nil {
		t.Fatal(err)
	}
	first.Sessions, second.Sessions = hsm.Sessions{}, hsm.Sessions{} // come and go
	anyOrder := cmp.Options{
		cmpopts.SortSlices(func(a, b hsm.Mechanism) bool {
			return a.Operation+string(a.Type)+string(a.Mode)+string(a.Hash) < b.Operation+string(b.Type)+string(b.Mode)+string(b.Hash)
		}),
		cmpopts.SortSlices(func(a, b hsm.GenerateCapability) bool { return a.Type < b.Type }),
	}
	if diff := cmp.Diff(first, second, anyOrder); diff != "" {
		t.Errorf("the token tells something else the second time (-first +second):\n%s", diff)
	}
}
