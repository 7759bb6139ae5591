package steps

import (
	"context"
	"fmt"

	"github.com/cucumber/godog"

	"gatehouse/adapters/dsmwire"
)

// kinds are the API's spellings of what people call HSMs.
var kinds = map[string]string{"nShield": "Ncipher", "Luna": "Safenet", "AWS CloudHSM": "AwsCloudHsm", "SoftHSM": "Softhsm"}

func registerGroups(sc *godog.ScenarioContext) {
	sc.Step(`^the administrator makes the ordinary group "([^"]*)"$`, func(ctx context.Context, name string) error {
		s := of(ctx)
		return s.did(s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name}))
	})
	sc.Step(`^the administrator makes the group "([^"]*)" described as "([^"]*)"$`, func(ctx context.Context, name, description string) error {
		s := of(ctx)
		return s.did(s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, Description: &description}))
	})
	sc.Step(`^the administrator makes the group "([^"]*)" linked to an? (nShield|Luna|AWS CloudHSM|SoftHSM) HSM$`,
		func(ctx context.Context, name, kind string) error {
			s := of(ctx)
			if err := s.reach(ctx); err != nil {
				return err
			}
			h := s.connection()
			h.Kind = kinds[kind]
			return s.did(s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{h}}))
		})
	sc.Step(`^the administrator makes the group "([^"]*)" linked to a cloud service$`, func(ctx context.Context, name string) error {
		s := of(ctx)
		return s.did(s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{{Kind: "AwsKms", URL: "kms.example.com"}}}))
	})
	sc.Step(`^the ordinary group "([^"]*)"$`, func(ctx context.Context, name string) error {
		return must(of(ctx).makeGroup(ctx, dsmwire.GroupRequest{Name: &name}))
	})
	sc.Step(`^the HSM group "([^"]*)"$`, func(ctx context.Context, name string) error { return of(ctx).linked(ctx, name) })
	sc.Step(`^the HSM group "([^"]*)", synced$`, func(ctx context.Context, name string) error {
		if err := of(ctx).linked(ctx, name); err != nil {
			return err
		}
		return of(ctx).sync(ctx, name)
	})

	sc.Then(`^the group "([^"]*)" is an HSM group of kind (nShield|Luna|AWS CloudHSM|SoftHSM)$`, func(ctx context.Context, name, kind string) error {
		g, err := of(ctx).shownGroup(ctx, name)
		if err != nil {
			return err
		}
		for _, h := range g.Hmg {
			return expect("kind", h.Kind, kinds[kind])
		}
		return fmt.Errorf("the group %q has no connection, want one", name)
	})
	sc.Then(`^the group "([^"]*)" is an ordinary group$`, func(ctx context.Context, name string) error {
		g, err := of(ctx).shownGroup(ctx, name)
		if err != nil {
			return err
		}
		return expect("connections", len(g.Hmg), 0)
	})
	sc.Then(`^the group "([^"]*)" is described as "([^"]*)"$`, func(ctx context.Context, name, want string) error {
		g, err := of(ctx).shownGroup(ctx, name)
		if err != nil {
			return err
		}
		return expect("description", g.Description, want)
	})
	sc.Then(`^there is no group "([^"]*)"$`, func(ctx context.Context, name string) error {
		if _, err := of(ctx).shownGroup(ctx, name); err == nil {
			return fmt.Errorf("there is a group %q, want none", name)
		}
		return nil
	})
}

func (s *scenario) makeGroup(ctx context.Context, r dsmwire.GroupRequest) error {
	g, err := s.admin.CreateGroup(ctx, r)
	if err == nil {
		s.groups[*r.Name] = g
	}
	return err
}

// linked makes a group linked to the scenario's HSM.
func (s *scenario) linked(ctx context.Context, name string) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{s.connection()}})
}

// shownGroup returns a group as the list of groups shows it.
func (s *scenario) shownGroup(ctx context.Context, name string) (dsmwire.Group, error) {
	all, err := s.admin.Groups(ctx)
	if err != nil {
		return dsmwire.Group{}, err
	}
	for _, g := range all {
		if g.Name == name {
			return g, nil
		}
	}
	return dsmwire.Group{}, fmt.Errorf("no group %q among %d", name, len(all))
}
