package stage

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/assembly/service"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/features/steps"
	"gatehouse/simulators/lab/simgateway"
	"gatehouse/simulators/tokensim"
)

const administrator = "admin@gatehouse.example"

// Simulated sets up the service in this process, with its database on disk and
// its REST API without a network, over simulated HSMs behind a gateway.
func Simulated(ctx context.Context, o Options) (_ *Set, err error) {
	set := &Set{Data: filepath.Join(o.Dir, "data")}
	defer func() {
		if err != nil {
			err = errors.Join(err, set.Close())
		}
	}()
	log, err := set.openLog(o.Dir, "gateway.log")
	if err != nil {
		return nil, err
	}
	pki, err := simgateway.NewPKI(filepath.Join(o.Dir, "pki"), "127.0.0.1")
	if err != nil {
		return nil, err
	}
	gateway, err := simgateway.Start(ctx, simgateway.Config{CertFile: pki.Gateway, CAFile: pki.CAFile, Log: log})
	if err != nil {
		return nil, err
	}
	set.onClose(gateway.Close)
	trust, err := set.trust(ctx, o.Dir, log)
	if err != nil {
		return nil, err
	}
	set.Stage = &steps.Stage{
		Endpoint: "https://gatehouse.invalid", Email: administrator, Scan: set.scan, Trust: trust,
		NewHSM: func(context.Context) (steps.HSM, error) {
			pin := newPIN()
			slot, number := gateway.Insert(tokensim.Options{PIN: secret.FromString(pin), Label: "simulated", WrongPINs: wrongPINs})
			return steps.HSM{
				Behind: behind(slot),
				Token:  simulatedToken{slot}, Gateway: gateway.Address, TLS: mutual(pki), Slot: uint64(number), PIN: pin,
				Simulated: simulator(slot),
			}, nil
		},
	}
	err = set.serve(ctx, o)
	return set, err
}

// serve wires the service and makes its first administrator.
func (s *Set) serve(ctx context.Context, o Options) error {
	log, err := s.openLog(o.Dir, "service.log")
	if err != nil {
		return err
	}
	if err := os.Mkdir(s.Data, 0o700); err != nil {
		return err
	}
	store, ring, _, err := service.StoreConfig{DataDir: s.Data, MasterKey: "file"}.OpenStore(ctx)
	if err != nil {
		return err
	}
	s.onClose(store.Close)
	svc, err := service.New(ctx, service.Outside{
		Store: store, Sealer: ring, Dial: service.Dialer(service.Links{}), Log: log, ProbeEvery: time.Second, CompareEvery: time.Second,
	})
	if err != nil {
		return err
	}
	s.onClose(func() error { svc.Stop(); return nil })
	if s.Stage.Password, _, err = svc.Accounts.FirstAdministrator(ctx, "main", administrator); err != nil {
		return err
	}
	handler := svc.Handler(log)
	s.Stage.Transport = o.Wrap(handlerTransport{handler})
	s.Stage.NewService = func(context.Context) (steps.Service, error) { return s.listen(handler), nil }
	return s.Stage.Prepare(ctx, o.Scenarios+spareAccounts)
}

// openLog opens a log file; everything is logged, that a secret among it be found.
func (s *Set) openLog(dir, name string) (*slog.Logger, error) {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	s.Logs = append(s.Logs, path)
	s.onClose(f.Close)
	return slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug})), nil
}

// wrongPINs are how many lock the PIN of a simulated HSM.
const wrongPINs = 3

// simulator is what a slot tells and does beside what every HSM does.
func simulator(slot *tokensim.Slot) *steps.Simulator {
	return &steps.Simulator{
		WrongLogins: func() int {
			_, refused := slot.Logins()
			return refused
		},
		LockPIN: func(ctx context.Context) error {
			for range wrongPINs {
				if t, err := slot.Open(ctx, secret.FromString("wrong")); err == nil {
					return errors.Join(errors.New("a wrong PIN was accepted"), t.Close())
				}
			}
			return nil
		},
		Fail: func() {
			slot.Fail(tokensim.Fault{
				Call: tokensim.Open, Err: fault.New(fault.Unavailable, "the simulated HSM fails").Because(fault.TokenFailed), Stays: true,
			})
		},
	}
}

// simulatedToken is a slot as somebody else uses it.
type simulatedToken struct{ slot *tokensim.Slot }

// Add puts an object into the token. The simulator keeps no values of objects
// that are no keys.
func (t simulatedToken) Add(o hsm.Object, material secret.Value) error {
	if o.Class == hsm.Certificate || o.Class == hsm.Data {
		material = secret.Value{}
	}
	return t.slot.Add(o, material)
}

// Remove deletes objects.
func (t simulatedToken) Remove(class hsm.Class, id []byte) (int, error) {
	return t.slot.Remove(class, id), nil
}

// behind is what somebody else does with a slot beside that.
func behind(slot *tokensim.Slot) steps.Behind {
	return steps.Behind{
		Change:   func(id []byte, c hsm.Change) (int, error) { return slot.Change(id, c), nil },
		AddFixed: slot.AddFixed,
	}
}

// Objects lists the objects.
func (t simulatedToken) Objects() ([]hsm.Object, error) { return t.slot.Objects(), nil }

// mutual returns settings that trust the PKI and show its client certificate.
func mutual(p simgateway.PKI) dsmwire.TLSConfig {
	settings := steps.Trusting(p.CA)
	settings.ClientCert, settings.ClientKey = p.ClientCert, dsmwire.NewSecretBytes(secret.New(p.ClientKey))
	return settings
}

// newPIN returns a PIN that nothing else is like.
func newPIN() string { return "pin-" + rand.Text() }
