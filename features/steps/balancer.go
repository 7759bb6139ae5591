package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cucumber/godog"

	"gatehouse/simulators/lab"
	"gatehouse/simulators/lab/load"
)

// Balanced is the tag of scenarios that need gateways behind a load balancer,
// and the machine for themselves.
const Balanced = "@balanced"

// balanced is what a scenario has behind a load balancer.
type balanced struct {
	*lab.Balancer

	ill   int       // the gateway that something happens to
	since time.Time // when it happened, or ended
	using *load.Load
	made  *load.Making
}

func balancerSteps() []Step {
	return []Step{
		{Given, `^the HSM group "([^"]*)" over a load balancer with two gateways, and the application "([^"]*)"$`, on2((*scenario).balancedGroup)},
		{Given, `^a gateway's HSM is a copy of its own$`, on0((*scenario).ownCopy)},
		{Given, `^one gateway was (killed|frozen) and the load balancer has noticed$`, on1((*scenario).gatewayWas)},
		{Given, `^the copy (hung|was removed|was initialised anew) and the load balancer has noticed$`, on1((*scenario).copyWas)},
		{When, `^one gateway (is killed|freezes)$`, on1((*scenario).gatewayIs)},
		{When, `^the copy (hangs|is removed|is initialised anew)$`, on1((*scenario).copyIs)},
		{When, `^that gateway (is started again|thaws)$`, on1((*scenario).gatewayIs)},
		{When, `^the copy (answers again|is restored)$`, on1((*scenario).copyIs)},
		{Then, `^(its|the other) gateway says that it is (well|ill)$`, on2((*scenario).gatewaySays)},
		{Then, `^the load balancer sends everything to the other gateway$`, on0((*scenario).trafficHasMoved)},
		{Then, `^the load balancer sends requests to both gateways$`, on0((*scenario).trafficIsShared)},
	}
}

var errNotBalanced = errors.New("this HSM has no load balancer: the scenario needs the tag " + Balanced)

// balancedGroup makes a group that is configured with the load balancer's address.
func (s *scenario) balancedGroup(ctx context.Context, group, application string) error {
	if err := s.behindBalancer(ctx); err != nil {
		return err
	}
	if err := s.hsmGroup(ctx, group); err != nil {
		return err
	}
	return s.makeApplication(ctx, application, group)
}

func (s *scenario) behindBalancer(ctx context.Context) error {
	var err error
	if s.hsm, err = s.stage.NewHSM(ctx); err != nil {
		return fmt.Errorf("setting up an HSM: %w", err)
	}
	if s.hsm.Balance == nil {
		return errNotBalanced
	}
	b, err := s.hsm.Balance(ctx)
	s.balanced = &balanced{Balancer: b}
	return err
}

// close ends the load, if the scenario has not, and what the balancer has.
func (b *balanced) close() error {
	if b.using != nil {
		b.using.Stop()
	}
	if b.made != nil {
		b.made.Stop()
	}
	return b.Close()
}

// busiest returns the gateway with the most connections.
func (b *balanced) busiest(ctx context.Context) (int, error) {
	servers, err := b.Servers(ctx)
	if err != nil {
		return 0, err
	}
	if servers[1].Sessions > servers[0].Sessions {
		return 1, nil
	}
	return 0, nil
}

func (s *scenario) ownCopy(ctx context.Context) error {
	b := s.balanced
	b.ill = 1
	if err := b.Nodes[b.ill].CopyHSM(ctx); err != nil {
		return err
	}
	return s.trafficIsShared(ctx) // so that what happens next meets requests
}

// happens does something to a gateway and notes when.
func (s *scenario) happens(ctx context.Context, what func(context.Context, *lab.Node) error) error {
	s.balanced.since = time.Now()
	return what(ctx, s.balanced.Nodes[s.balanced.ill])
}

// gatewayEvents are what can happen to a gateway, by the words for it.
var gatewayEvents = map[string]func(context.Context, *lab.Node) error{
	"is killed":        func(_ context.Context, n *lab.Node) error { return n.Kill() },
	"is started again": func(ctx context.Context, n *lab.Node) error { return n.Start(ctx) },
	"freezes":          func(_ context.Context, n *lab.Node) error { return n.Freeze() },
	"thaws":            func(_ context.Context, n *lab.Node) error { return n.Thaw() },
}

// gatewayIs strikes where the traffic is.
func (s *scenario) gatewayIs(ctx context.Context, event string) (err error) {
	if event == "is killed" || event == "freezes" {
		if s.balanced.ill, err = s.balanced.busiest(ctx); err != nil {
			return err
		}
	}
	return s.happens(ctx, gatewayEvents[event])
}

func (s *scenario) gatewayWas(ctx context.Context, event string) error {
	if err := s.gatewayIs(ctx, map[string]string{"killed": "is killed", "frozen": "freezes"}[event]); err != nil {
		return err
	}
	return s.trafficHasMoved(ctx)
}

// copyEvents are what can happen to a gateway's own copy of the HSM.
var copyEvents = map[string]func(context.Context, *lab.Node) error{
	"hangs":               func(_ context.Context, n *lab.Node) error { return n.HangHSM() },
	"answers again":       func(_ context.Context, n *lab.Node) error { return n.ReleaseHSM() },
	"is removed":          func(_ context.Context, n *lab.Node) error { return n.RemoveHSM() },
	"is initialised anew": func(ctx context.Context, n *lab.Node) error { return n.ReinitialiseHSM(ctx) },
	"is restored":         func(_ context.Context, n *lab.Node) error { return n.RestoreHSM() },
}

func (s *scenario) copyIs(ctx context.Context, event string) error {
	return s.happens(ctx, copyEvents[event])
}

func (s *scenario) copyWas(ctx context.Context, event string) error {
	if err := s.copyIs(ctx, map[string]string{"hung": "hangs", "was removed": "is removed", "was initialised anew": "is initialised anew"}[event]); err != nil {
		return err
	}
	return s.trafficHasMoved(ctx)
}

// progress returns how much has been done so far.
func (b *balanced) progress() int {
	n := 0
	if b.using != nil {
		n += b.using.Uses()
	}
	if b.made != nil {
		n += b.made.Count()
	}
	return n
}

// gatewaySays waits until a gateway answers a health check as it should.
func (s *scenario) gatewaySays(ctx context.Context, which, want string) error {
	b := s.balanced
	n := b.Nodes[b.ill]
	if which == "the other" {
		n = b.Nodes[1-b.ill]
	}
	return b.Await(ctx, func([]lab.Server) error {
		well, err := n.Healthy(ctx)
		if err != nil {
			return err
		}
		if well != (want == "well") {
			return fmt.Errorf("%s gateway says that it is well: %t", which, well)
		}
		return nil
	})
}

// goOn is what must get done for the traffic to count as flowing.
const goOn = 20

// trafficHasMoved waits until the ill gateway has no connection and work goes on.
func (s *scenario) trafficHasMoved(ctx context.Context) error {
	b := s.balanced
	if err := b.Await(ctx, func(servers []lab.Server) error {
		if ill := servers[b.ill]; ill.Up || ill.Sessions > 0 {
			return fmt.Errorf("the load balancer still uses the gateway: %+v", ill)
		}
		return nil
	}); err != nil {
		return err
	}
	godog.Logf(ctx, "traffic has left the gateway after %s", time.Since(b.since).Round(time.Millisecond))
	begun := b.progress()
	return b.Await(ctx, func([]lab.Server) error {
		if n := b.progress() - begun; n < goOn {
			return fmt.Errorf("the other gateway has served %d requests", n)
		}
		return nil
	})
}

// enough bytes to be requests, and not just connections that are made.
const enough = 10_000

// trafficIsShared waits until both gateways get requests.
func (s *scenario) trafficIsShared(ctx context.Context) error {
	b := s.balanced
	var first []lab.Server
	err := b.Await(ctx, func(servers []lab.Server) error {
		for i, now := range servers {
			if !now.Up || now.Sessions == 0 {
				return fmt.Errorf("the load balancer does not use the gateway: %+v", now)
			}
			if len(first) > i && now.Bytes-first[i].Bytes < enough {
				return fmt.Errorf("the load balancer has sent the gateway %d bytes: %+v", now.Bytes-first[i].Bytes, now)
			}
		}
		if first == nil {
			first = servers
			return errors.New("the load balancer has connections to both gateways")
		}
		return nil
	})
	if !b.since.IsZero() && err == nil {
		godog.Logf(ctx, "both gateways serve again after %s", time.Since(b.since).Round(time.Millisecond))
	}
	return err
}
