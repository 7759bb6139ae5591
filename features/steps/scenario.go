package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/cucumber/godog"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
)

// scenario is the state of one scenario.
type scenario struct {
	stage  *Stage
	admin  *dsmclient.Client
	app    *dsmclient.Client
	appID  string
	groups map[string]dsmwire.Group

	hsm       HSM
	way       *way // to the HSM's gateway, which can be cut
	originals map[string]original
	restored  map[string]func() error

	outcome error // of the last When
	met     bool  // a Then has spoken about it

	new       int
	warnings  []dsmwire.ScanWarning
	progress  int
	found     []dsmwire.Sobject
	signed    signed
	encrypted encrypted
	mac       []byte
	digest    []byte
	random    [2][]byte
	shown     dsmwire.HmgConfig
}

type contextKey struct{}

func of(ctx context.Context) *scenario { return ctx.Value(contextKey{}).(*scenario) }

var accounts atomic.Int64

func accountNamed(name string) dsmwire.AccountRequest { return dsmwire.AccountRequest{Name: &name} }

// Register tells godog the steps, played on stage.
func Register(sc *godog.ScenarioContext, stage *Stage) {
	sc.Before(func(ctx context.Context, played *godog.Scenario) (context.Context, error) {
		s := &scenario{
			stage: stage, groups: map[string]dsmwire.Group{}, originals: map[string]original{}, restored: map[string]func() error{},
		}
		var err error
		if s.admin, err = stage.admin(ctx, fmt.Sprintf("%s %d", played.Name, accounts.Add(1))); err != nil {
			return ctx, fmt.Errorf("making an account for the scenario: %w", err)
		}
		return context.WithValue(ctx, contextKey{}, s), nil
	})
	sc.After(func(ctx context.Context, _ *godog.Scenario, failed error) (context.Context, error) {
		s, ok := ctx.Value(contextKey{}).(*scenario)
		if !ok {
			return ctx, failed
		}
		if s.way != nil {
			s.way.close()
		}
		if failed == nil && s.outcome != nil && !s.met {
			return ctx, fmt.Errorf("the scenario met a refusal that it did not mention: %w", s.outcome)
		}
		return ctx, nil
	})
	registerGroups(sc)
	registerConnections(sc)
	registerTrust(sc)
	registerEstate(sc)
	registerSync(sc)
	registerKeys(sc)
	registerMaking(sc)
	registerUse(sc)
	registerOutcome(sc)
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

// must is for Givens: they state facts, so that a refusal is a failure.
func must(err error) error { return err }

// reach makes sure that the scenario has an HSM, and a way to it.
func (s *scenario) reach(ctx context.Context) error {
	if s.way != nil {
		return nil
	}
	var err error
	if s.hsm, err = s.stage.NewHSM(ctx); err != nil {
		return fmt.Errorf("setting up an HSM: %w", err)
	}
	s.way, err = newWay(ctx, s.hsm.Gateway)
	return err
}

// connection describes the way to the scenario's HSM.
func (s *scenario) connection() dsmwire.HmgConfig {
	slot := s.hsm.Slot
	return dsmwire.HmgConfig{
		Kind: "Softhsm", URL: s.way.address(), Slot: &slot, PIN: dsmwire.NewSecretText(secret.FromString(s.hsm.PIN)), TLS: s.stage.trusting(s.stage.CA),
	}
}

// group returns a group by its name.
func (s *scenario) group(name string) (dsmwire.Group, error) {
	if g, ok := s.groups[name]; ok {
		return g, nil
	}
	return dsmwire.Group{}, fmt.Errorf("the scenario speaks of a group %q that nobody made", name)
}

// key returns a key by its name, as the administrator sees it.
func (s *scenario) key(ctx context.Context, name string) (dsmwire.Sobject, error) {
	return s.admin.Key(ctx, dsmclient.ByName(name))
}

func ptr[T any](v T) *T { return &v }

// expect returns an error that tells got from want, or nil when they are equal.
func expect[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

func contains(what, got, want string) error {
	if !strings.Contains(strings.ToLower(got), strings.ToLower(want)) {
		return fmt.Errorf("%s: got %q, want it to say %q", what, got, want)
	}
	return nil
}
