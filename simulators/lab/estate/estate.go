// Package estate fills a software token with keys as somebody else would have
// left them: 151 keys of an imaginary company, made over the years with
// different tools, with the duplicates, empty names, umlauts, padding and stray
// objects that real tokens hold.
//
// It guarantees that the manifest lists what the token has accepted, nothing
// else, and that a pair of halves is one key in it, as for a key sync. The lab,
// the features and the benchmarks use it. One Fill per process at a time.
package estate

import (
	"context"
	"fmt"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/simulators/lab/opensc"
	"gatehouse/simulators/softtoken"
)

// Labels of keys that are the only ones with their CKA_ID and their CKA_LABEL,
// for those who look for a key that is certain to work.
const (
	CodeSigning     = "code-signing"        // RSA-2048 pair
	PaymentsSigning = "payments-signing"    // P-256 pair
	DocumentSigning = "Dokumente Prüfamt"   // P-384 pair
	UpdateSigning   = "update-signing"      // Ed25519 pair
	MailArchive     = "mail-archive"        // AES-256
	Retired         = "zz-retired-2011"     // AES-256, missed by nobody
	PartnerPublic   = "Partner Müller & Co" // RSA-2048, a public key alone
)

// Manifest lists what Fill has made.
type Manifest struct {
	Token  string `json:"token"` // label of the token
	Keys   []Key  `json:"keys"`
	Others []Key  `json:"others"` // objects that are no keys, or of a type that Gatehouse does not hold
}

// Key is a key in the token, a pair counted once, or an object that is none.
type Key struct {
	Class hsm.Class  `json:"class"` // of the half that holds the material
	Type  keys.Type  `json:"type,omitempty"`
	Size  int        `json:"size,omitempty"` // bits
	Curve keys.Curve `json:"curve,omitempty"`
	ID    []byte     `json:"id"`    // CKA_ID
	Label []byte     `json:"label"` // CKA_LABEL, blanks at its end included
	Pair  bool       `json:"pair,omitempty"`
	With  string     `json:"with"` // the tool that it was made with
}

// The tools.
const (
	withTool   = "pkcs11-tool"
	withPKCS11 = "PKCS#11"
)

// Count returns the number of keys of each type.
func (m Manifest) Count() map[keys.Type]int {
	n := map[keys.Type]int{}
	for _, k := range m.Keys {
		n[k.Type]++
	}
	return n
}

// MadeWithTool returns the number of keys that pkcs11-tool has made.
func (m Manifest) MadeWithTool() int {
	n := 0
	for _, k := range m.Keys {
		if k.With == withTool {
			n++
		}
	}
	return n
}

// Fill makes the estate in token, which should be empty, and returns what is in
// it now. Dir is an existing directory for files that it needs on the way. Fill sets and restores the
// variables of token.Env in this process.
func Fill(ctx context.Context, token softtoken.Token, dir string) (Manifest, error) {
	m := Manifest{Token: token.Label}
	cli, err := opensc.New(token)
	if err != nil {
		return m, err
	}
	tool := tool{Tool: cli, dir: dir}
	direct, err := login(token, dir)
	if err != nil {
		return m, err
	}
	defer direct.close()
	for _, r := range rows() {
		for i := range r.n {
			if err := ctx.Err(); err != nil {
				return m, err
			}
			k := r.key(i)
			if k.With == withTool {
				err = tool.make(ctx, r.what, k)
			} else {
				err = direct.make(r.what, k)
			}
			if err != nil {
				return m, fmt.Errorf("making %s %q: %w", r.what, k.Label, err)
			}
			if k.Type == "" {
				m.Others = append(m.Others, k)
			} else {
				m.Keys = append(m.Keys, k)
			}
		}
	}
	return m, nil
}
