// Package steps holds the steps of the features, in the words of the domain.
//
// They know the service through its public client only, and an HSM as whoever
// else uses it does; a Stage says where the two come from. One state struct per
// scenario lives in its context; scenarios run at once.
package steps

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmclient"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
)

// Stage is where features are played.
type Stage struct {
	Endpoint  string
	Transport http.RoundTripper // to the service
	Email     string            // of the first administrator
	Password  secret.Value

	NewHSM func(ctx context.Context) (HSM, error) // an HSM of its own for a scenario
	Scan   func(marker []byte) (found bool, err error)

	// Gateways for the scenarios about trust: with a certificate of CA for the
	// name localhost; the second asks for a client certificate.
	Plain, Mutual string
	CA, OtherCA   []byte // DER
	ClientCert    []byte // PEM
	ClientKey     []byte // PEM
}

// HSM is a slot of a gateway, and the token in it as others use it.
type HSM struct {
	Token
	Gateway string // host:port
	Slot    uint64
	PIN     string
	// WrongLogins tells how many logins the token has refused; nil where it does not tell.
	WrongLogins func() int
}

// Token is what somebody else does with a token directly.
type Token interface {
	Add(o hsm.Object, material secret.Value) error
	Remove(class hsm.Class, id []byte) (int, error)
	Objects() ([]hsm.Object, error)
}

// admin returns a client of the first administrator, in an account of its own.
func (s *Stage) admin(ctx context.Context, account string) (*dsmclient.Client, error) {
	c, err := dsmclient.New(dsmclient.Config{Endpoint: s.Endpoint, Transport: s.Transport, User: s.Email, Password: s.Password})
	if err != nil {
		return nil, err
	}
	if _, err := c.Login(ctx); err != nil {
		return nil, err
	}
	a, err := c.CreateAccount(ctx, accountNamed(account))
	if err != nil {
		return nil, err
	}
	return c, c.SelectAccount(ctx, a.AcctID)
}
