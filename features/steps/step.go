package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cucumber/godog"
)

// Kind tells what a step does in a scenario.
type Kind string

// The kinds: a Given states a fact, a When is what the scenario is about, a
// Then says what can be observed.
const (
	Given Kind = "Given"
	When  Kind = "When"
	Then  Kind = "Then"
)

// Step is a step definition: what the words of its expression do. Do is a
// function as godog wants it, with a string for each group of the expression.
type Step struct {
	Kind Kind
	Expr string
	Do   any
}

// Steps returns all step definitions.
func Steps() []Step {
	return slices.Concat(groupSteps(), connectionSteps(), testSteps(), trustSteps(), renewalSteps(), estateSteps(), tokenSteps(), syncSteps(), keySteps(), makingSteps(),
		signingSteps(), encryptingSteps(), paddingSteps(), moveSteps(), wrappingSteps(), derivingSteps(), looseSteps(), macSteps(), outcomeSteps(), testedSteps(), startingSteps(), balancerSteps(), loadSteps(), lifecycleSteps(), policySteps(), scanSteps(), serviceSteps(), objectSteps(), packageSteps())
}

// Simulated is the tag of scenarios that need a Simulator.
const Simulated = "@simulated"

// Register tells godog the steps, played on stage, which has been prepared.
func Register(sc *godog.ScenarioContext, stage *Stage) {
	sc.Before(func(ctx context.Context, _ *godog.Scenario) (context.Context, error) {
		s := newScenario(stage)
		var err error
		if s.admin, err = stage.inAccount(ctx); err != nil {
			return ctx, fmt.Errorf("entering the scenario's account: %w", err)
		}
		return context.WithValue(ctx, contextKey{}, s), nil
	})
	sc.After(func(ctx context.Context, _ *godog.Scenario, failed error) (context.Context, error) {
		s, ok := ctx.Value(contextKey{}).(*scenario)
		if !ok {
			return ctx, nil
		}
		if err := s.close(); err != nil && failed == nil {
			return ctx, err
		}
		if failed == nil && s.outcome != nil && !s.met {
			return ctx, fmt.Errorf("the scenario met a refusal that it did not mention: %w", s.outcome)
		}
		return ctx, nil
	})
	for _, step := range Steps() {
		switch step.Kind {
		case Given:
			sc.Given(step.Expr, step.Do)
		case When:
			sc.When(step.Expr, step.Do)
		case Then:
			sc.Then(step.Expr, step.Do)
		}
	}
}

type contextKey struct{}

var errNoScenario = errors.New("the scenario has not begun")

// of returns the state of the scenario that ctx belongs to.
func of(ctx context.Context) (*scenario, error) {
	s, ok := ctx.Value(contextKey{}).(*scenario)
	if !ok {
		return nil, errNoScenario
	}
	return s, nil
}

// on0 to on3 fit a method of the scenario to a step with so many groups.
func on0(do func(*scenario, context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		s, err := of(ctx)
		if err != nil {
			return err
		}
		return do(s, ctx)
	}
}

func on1(do func(s *scenario, ctx context.Context, a string) error) func(context.Context, string) error {
	return func(ctx context.Context, a string) error {
		s, err := of(ctx)
		if err != nil {
			return err
		}
		return do(s, ctx, a)
	}
}

func on2(do func(s *scenario, ctx context.Context, a, b string) error) func(context.Context, string, string) error {
	return func(ctx context.Context, a, b string) error {
		s, err := of(ctx)
		if err != nil {
			return err
		}
		return do(s, ctx, a, b)
	}
}

func on3(do func(s *scenario, ctx context.Context, a, b, c string) error) func(context.Context, string, string, string) error {
	return func(ctx context.Context, a, b, c string) error {
		s, err := of(ctx)
		if err != nil {
			return err
		}
		return do(s, ctx, a, b, c)
	}
}
