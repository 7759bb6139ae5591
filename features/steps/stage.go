// Package steps holds the steps of the features, in the words of the domain.
//
// They know the service through its public client only, and an HSM as whoever
// else uses it does; a Stage says where the two come from. One state struct per
// scenario lives in its context; scenarios run at once. The feature run uses it.
package steps

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab"
)

// Stage is where features are played: one service for all scenarios, and an
// HSM for each. All its functions may be called at once.
type Stage struct {
	Endpoint  string
	Transport http.RoundTripper // to the service
	Email     string            // of the first administrator
	Password  secret.Value

	// NewHSM returns an empty HSM that no other scenario has.
	NewHSM func(ctx context.Context) (HSM, error)
	// NewService returns another service; its accounts are this one's.
	NewService func(ctx context.Context) (Service, error)
	// Scan reports whether marker is anywhere in the service's database.
	Scan  func(marker []byte) (found bool, err error)
	Trust Trust
	// Packages returns the packages of the programs; nil where there are no programs.
	Packages func(ctx context.Context) (Packages, error)
	// Try starts a further gateway with other settings; nil where there are no programs.
	Try func(ctx context.Context, settings ...string) (lab.Trial, error)

	mu       sync.Mutex
	accounts []string // ids of those that no scenario has yet
	rsa      []*rsa.PrivateKey
}

// Prepare makes n accounts. All at once and before the first scenario, because
// a user's password has to be checked at length after each change of the user.
func (s *Stage) Prepare(ctx context.Context, n int) error {
	c, err := s.administrator(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range n {
		name := fmt.Sprintf("scenario %d", i+1)
		a, err := c.CreateAccount(ctx, dsmwire.AccountRequest{Name: &name})
		if err != nil {
			return fmt.Errorf("making an account for a scenario: %w", err)
		}
		s.accounts = append(s.accounts, a.AcctID)
	}
	return nil
}

// HSM is a slot of a gateway, and the token in it as others use it.
type HSM struct {
	Token
	Behind Behind

	Kind    string // of the connection to it; empty: Softhsm
	Gateway string // host:port
	TLS     dsmwire.TLSConfig
	Slot    uint64
	PIN     string
	Key     secret.Value // the API key of another service, which has neither slot nor PIN
	// Simulated is what only a simulator lets itself be asked and told; nil otherwise.
	Simulated *Simulator
	// Balance puts two gateways of this HSM behind a load balancer; nil where there is none.
	Balance func(ctx context.Context) (*lab.Balancer, error)
}

// Simulator is what a simulated HSM tells and does beside what every HSM does.
type Simulator struct {
	WrongLogins func() int                      // how many logins it has refused
	LockPIN     func(ctx context.Context) error // by trying wrong ones
	Fail        func()                          // from now on, whenever somebody logs in
}

// Token is what somebody else does with a token directly.
type Token interface {
	Add(o hsm.Object, material secret.Value) error
	Remove(class hsm.Class, id []byte) (int, error)
	Objects() ([]hsm.Object, error)
}

// Trust are gateways for the scenarios about trust. Their certificate is from
// CA and is for the name localhost alone.
type Trust struct {
	Plain, Mutual string // host:port; the second asks for a client certificate
	Slot          uint64
	PIN           string
	CA, OtherCA   []byte // DER
	ClientCert    []byte // PEM
	ClientKey     []byte // PEM

	Foreign, Lapsed Shown  // client certificates: another CA's, and one that has expired
	Own             []byte // DER: the gateways' own certificate
	Common, Expired string // host:port of gateways with a certificate that has only a common name, or has expired
	Renewing        func(ctx context.Context) (Renewing, error)
}

// Shown is what a client shows of itself, in PEM.
type Shown struct{ Cert, Key []byte }

// Renewing is a gateway that asks for a client certificate, and whose TLS files
// are replaced under it. When its functions return, the gateway has read them.
type Renewing struct {
	Address     string // host:port
	Slot        uint64
	PIN         string
	Renew       func() error // by a certificate of the other CA
	Spoil       func() error // by a file that is no certificate
	TrustOthers func() error // let in clients of the other CA only
}

// administrator returns a client of the first administrator, in no account yet.
func (s *Stage) administrator(ctx context.Context) (*dsmclient.Client, error) {
	c, err := dsmclient.New(dsmclient.Config{Endpoint: s.Endpoint, Transport: s.Transport, User: s.Email, Password: s.Password})
	if err != nil {
		return nil, err
	}
	_, err = c.Login(ctx)
	return c, err
}

// inAccount returns a client of the first administrator, in an account that
// no other scenario has.
func (s *Stage) inAccount(ctx context.Context) (*dsmclient.Client, error) {
	c, err := s.administrator(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.accounts) == 0 {
		return nil, errors.New("there are more scenarios than accounts")
	}
	own := s.accounts[0]
	s.accounts = s.accounts[1:]
	err = c.SelectAccount(ctx, own)
	return c, err
}

// rsaKey returns the n-th of the RSA keys that scenarios share, because making
// them takes long.
func (s *Stage) rsaKey(n int) (*rsa.PrivateKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.rsa) <= n {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		s.rsa = append(s.rsa, k)
	}
	return s.rsa[n], nil
}
