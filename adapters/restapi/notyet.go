package restapi

import (
	"context"
	"net/http"

	"gatehouse/core/fault"
)

// notYet is the refusal of what the API has and Gatehouse does not have yet.
func notYet(what string) error {
	return fault.New(fault.Unsupported, "%s is not supported yet", what)
}

// pending are the calls of the API that are not there yet: each is answered
// plainly, after the caller has been identified, rather than as an unknown path.
var pending = []struct{ id, method, path, what string }{
	{"Transform", http.MethodPost, "/crypto/v1/transform", "transforming keys, which is for keys of types BIP32 and SLIP10,"},
	{"ExportSobjectComponents", http.MethodPost, "/crypto/v1/keys/components/export", "exporting keys in components, which takes an approval request and key custodians,"},
	{"ImportSobjectByComponents", http.MethodPost, "/crypto/v1/keys/components/import", "importing keys in components, which takes an approval request and key custodians,"},
	{"KeyAttestation", http.MethodPost, "/crypto/v1/keys/key_attestation", "key attestation, for which nobody here could vouch,"},
}

// notYet registers the pending calls, and the one that nothing is behind:
// no key's public half is published.
func (s *server) notYet() {
	for _, p := range pending {
		register(s, endpoint[none, none]{
			ID: p.id, Method: p.method, Path: p.path, Tag: "Not supported yet", Summary: "Not supported yet: " + p.what,
			Do: func(context.Context, *call[none]) (none, error) { return none{}, notYet(p.what) },
		})
	}
	register(s, endpoint[none, none]{
		ID: "GetPubkey", Method: http.MethodGet, Path: "/crypto/v1/pubkey/{acct_id}/{name}", Tag: tagKeys,
		Summary: "Read a published public key; none are published yet", Open: true,
		Do: func(context.Context, *call[none]) (none, error) {
			return none{}, fault.New(fault.NotFound, "sobject does not exist")
		},
	})
}
