// Package tour shows the main job of Gatehouse on a lab, step by step: keys that
// somebody else made in an HSM appear in the service, sign, and verify.
//
// It guarantees that a step is shown as true only after it was checked, wherever
// possible by a program that knows nothing of Gatehouse: pkcs11-tool says what
// is in the token, openssl judges signatures and ciphertexts. gatehouse-lab and
// its test use it. A Tour is for one goroutine.
package tour

import (
	"context"
	"fmt"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab"
	"gatehouse/simulators/lab/opensc"
	"gatehouse/simulators/lab/show"
)

// Tour is what the steps find out on their way.
type Tour struct {
	lab   *lab.Lab
	tool  *opensc.Tool
	admin *dsmclient.Client
	app   *dsmclient.Client

	hsm      dsmwire.Group     // linked to the lab's token
	ordinary dsmwire.Group     // keys sealed in the service
	virtual  []dsmwire.Sobject // the keys of hsm
	apiKey   secret.Value      // of the app
}

// New returns a tour of a lab that is yet to be started.
func New(l *lab.Lab) *Tour { return &Tour{lab: l} }

// Part is a part of the tour.
type Part struct {
	Title string
	Steps []Step
}

// Step is one thing that is shown. Do returns what was found, in one line or
// more, and fails when it is not as it has to be.
type Step struct {
	Title string
	Do    func(t *Tour, ctx context.Context, p Progress) (found string, err error)
}

// Progress tells how far a step is: done of total; a total of 0 is not known yet.
type Progress func(phase string, done, total int)

// Parts is the whole tour.
func Parts() []Part {
	return []Part{
		{"An HSM that others have used for years, and Gatehouse beside it", []Step{
			{"HSM", (*Tour).makeToken},
			{"Gateway", (*Tour).startGateway},
			{"Service", (*Tour).startService},
		}},
		{"Its keys appear in the service", []Step{
			{"HSM group", (*Tour).makeGroup},
			{"Test connection", (*Tour).testConnection},
			{"Sync keys", (*Tour).sync},
			{"Key by key", (*Tour).compare},
			{"Find by CKA_LABEL", (*Tour).find},
			{"Sync again", (*Tour).syncAgain},
		}},
		{"An application uses them, and OpenSSL agrees", []Step{
			{"App", (*Tour).makeApp},
			{"RSA PKCS#1 v1.5", (*Tour).signPKCS1},
			{"RSA-PSS", (*Tour).signPSS},
			{"ECDSA P-256", (*Tour).signP256},
			{"ECDSA P-384", (*Tour).signP384},
			{"Ed25519", (*Tour).signEd25519},
			{"AES-GCM", (*Tour).encryptGCM},
		}},
		{"New keys, in the HSM and without one", []Step{
			{"Generate in the HSM", (*Tour).generate},
			{"Import into the HSM", (*Tour).importAES},
			{"Ordinary group", (*Tour).makeOrdinary},
			{"RSA-OAEP", (*Tour).encryptOAEP},
		}},
		{"A key goes missing", []Step{
			{"Deleted in the HSM", (*Tour).lose},
		}},
	}
}

// Run shows the whole tour on s and returns how many steps were true. It stops
// at the first that is not.
func (t *Tour) Run(ctx context.Context, s *show.Screen, now func() time.Time) (steps int, err error) {
	for _, part := range Parts() {
		s.Heading(part.Title)
		for _, step := range part.Steps {
			shown, begun := s.Begin(step.Title), now()
			found, err := step.Do(t, ctx, shown.Progress)
			if err != nil {
				shown.Failed(err)
				return steps, fmt.Errorf("%s: %w", step.Title, err)
			}
			shown.Done(found, now().Sub(begun))
			steps++
		}
	}
	return steps, nil
}
