package agreement_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"gatehouse/features/agreement"
	"gatehouse/simulators/softtoken"
)

// TestAgreement compares the service with everybody, row by row.
func TestAgreement(t *testing.T) {
	t.Parallel()
	ring, err := agreement.NewRing(t.Context())
	softtoken.Need(t, err)
	w := newWorld(t, ring)
	var mu sync.Mutex
	agreed := map[agreement.Kind]map[agreement.Peer]int{}
	rows := agreement.Table(ring)
	t.Cleanup(func() {
		var b strings.Builder
		for _, k := range agreement.Kinds() {
			fmt.Fprintf(&b, "%s:", k)
			for _, p := range agreement.Peers() {
				fmt.Fprintf(&b, " %d with %s,", agreed[k][p], p)
			}
			fmt.Fprintf(&b, " of %d rows\n", len(rows))
		}
		t.Logf("agreement\n%sopenssl was started %d times, pkcs11-tool %d times", b.String(), w.openssl.Calls(), w.tool.Calls())
	})
	for _, kind := range agreement.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			agreed[kind] = map[agreement.Peer]int{}
			for _, row := range rows {
				t.Run(row.String(), func(t *testing.T) {
					if kind == agreement.Ordinary { // what many do at once to an HSM is the fault campaign's matter
						t.Parallel()
					}
					res := w.Row(t.Context(), kind, row)
					for _, err := range res.Errors {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					for p, d := range res.Agrees {
						if d != agreement.Neither {
							agreed[kind][p]++
						}
					}
				})
			}
		})
	}
}
