package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
	"gatehouse/features/relay"
	"gatehouse/simulators/lab/ports"
)

// scenario is the state of one scenario.
type scenario struct {
	stage  *Stage
	admin  *dsmclient.Client
	app    *dsmclient.Client
	appID  string
	groups map[string]dsmwire.Group

	hsm       HSM
	way       *relay.Relay            // to the HSM's gateway; nil: no HSM yet
	ways      map[string]*relay.Relay // further ones, by the letters that scenarios give them
	nobody    *ports.Port             // at which nobody listens; nil: not needed yet
	person    string                  // e-mail address of a user
	balanced  *balanced               // what the HSM is behind instead; mostly nil
	trusted   string
	renewing  Renewing
	estate    []foreign
	rsaKeys   int
	originals map[string]original
	former    map[string]dsmwire.Sobject // keys that had a name before, by that name

	outcome error // of the last When
	met     bool  // a Then has spoken about it

	found     int // new keys that a sync reported
	warnings  []dsmwire.ScanWarning
	skipped   int // keys that a sync left out
	scan      dsmwire.Scan
	plan      dsmwire.SyncPlan
	progress  []dsmwire.SyncProgress
	listed    []dsmwire.Sobject
	signed    signed
	encrypted encrypted
	wrapped   wrapping
	loose     dsmwire.Sobject // a transient key
	mac       stamped
	tokens    tokens
	starting  starting
	packaged  packaged
	digest    []byte
	random    [][]byte
}

func newScenario(stage *Stage) *scenario {
	return &scenario{stage: stage, groups: map[string]dsmwire.Group{}, originals: map[string]original{}}
}

// did records how a When ended; a refusal is for a Then to speak about.
func (s *scenario) did(err error) error {
	s.outcome, s.met = err, false
	var refusal *dsmclient.Error
	if err != nil && !errors.As(err, &refusal) {
		return err // the service could not be asked at all
	}
	return nil
}

// close ends what the scenario has started.
func (s *scenario) close() error {
	var errs []error
	ended := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("ending %s: %w", what, err))
		}
	}
	if s.way != nil {
		ended("the way to the HSM", s.way.Close())
	}
	for letter, way := range s.ways {
		ended("the way "+letter+" to the HSM", way.Close())
	}
	if s.nobody != nil {
		ended("the port at which nobody listens", s.nobody.Close())
	}
	if s.starting.runs {
		s.starting.trial.Close()
	}
	ended("the scenario's Debian", s.packaged.leaves())
	if s.balanced != nil && s.balanced.Balancer != nil {
		ended("the load balancer and its gateways", s.balanced.close())
	}
	return errors.Join(errs...)
}

// reach makes sure that the scenario has an HSM, and a way to it.
func (s *scenario) reach(ctx context.Context) error {
	if s.way != nil || s.balanced != nil {
		return nil
	}
	var err error
	if s.hsm, err = s.stage.NewHSM(ctx); err != nil {
		return fmt.Errorf("setting up an HSM: %w", err)
	}
	s.way, err = relay.New(ctx, s.hsm.Gateway)
	return err
}

// connection describes the way to the scenario's HSM.
func (s *scenario) connection(ctx context.Context) (dsmwire.HmgConfig, error) {
	if err := s.reach(ctx); err != nil {
		return dsmwire.HmgConfig{}, err
	}
	slot, settings := s.hsm.Slot, s.hsm.TLS
	if !s.hsm.Key.Empty() {
		return dsmwire.HmgConfig{Kind: s.kind(), URL: s.address(), PIN: dsmwire.NewSecretText(s.hsm.Key), TLS: &settings}, nil
	}
	return dsmwire.HmgConfig{Kind: "Softhsm", URL: s.address(), Slot: &slot, PIN: secretText(s.hsm.PIN), TLS: &settings}, nil
}

// kind is the kind of the connection to the scenario's HSM.
func (s *scenario) kind() string { return cmp.Or(s.hsm.Kind, "Softhsm") }

// address is where the scenario's HSM is to be reached.
func (s *scenario) address() string {
	if s.balanced != nil {
		return s.balanced.Address
	}
	return s.way.Address()
}

// group returns a group that the scenario has made.
func (s *scenario) group(name string) (dsmwire.Group, error) {
	if g, ok := s.groups[name]; ok {
		return g, nil
	}
	return dsmwire.Group{}, fmt.Errorf("the scenario speaks of a group %q that nobody made", name)
}

// application returns a client of the scenario's application.
func (s *scenario) application() (*dsmclient.Client, error) {
	if s.app == nil {
		return nil, errors.New("the scenario speaks of an application that nobody made")
	}
	return s.app, nil
}

// key returns a key by its name, as the administrator sees it.
func (s *scenario) key(ctx context.Context, name string) (dsmwire.Sobject, error) {
	return s.admin.Key(ctx, dsmclient.ByName(name))
}

func secretText(s string) dsmwire.SecretText { return dsmwire.NewSecretText(secret.FromString(s)) }

// expect returns an error that tells got from want, or nil when they are equal.
func expect[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

// says returns an error unless text holds words, in any case of letters.
func says(what, text, words string) error {
	if !strings.Contains(strings.ToLower(text), strings.ToLower(words)) {
		return fmt.Errorf("%s: got %q, want it to say %q", what, text, words)
	}
	return nil
}
