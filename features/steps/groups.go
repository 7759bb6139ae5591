package steps

import (
	"context"
	"fmt"

	"gatehouse/adapters/dsmwire"
)

// kinds are the API's spellings of what people call HSMs.
var kinds = map[string]string{"nShield": "Ncipher", "Luna": "Safenet", "AWS CloudHSM": "AwsCloudHsm", "SoftHSM": "Softhsm"}

func groupSteps() []Step {
	return []Step{
		{When, `^the administrator makes the ordinary group "([^"]*)"$`, on1((*scenario).makesOrdinaryGroup)},
		{When, `^the administrator makes the group "([^"]*)" described as "([^"]*)"$`, on2((*scenario).makesDescribedGroup)},
		{When, `^the administrator makes the group "([^"]*)" linked to an? (nShield|Luna|AWS CloudHSM|SoftHSM) HSM$`, on2((*scenario).makesGroupOfKind)},
		{When, `^the administrator makes the group "([^"]*)" linked to a cloud service$`, on1((*scenario).makesCloudGroup)},
		{Given, `^the ordinary group "([^"]*)"$`, on1((*scenario).ordinaryGroup)},
		{Given, `^the HSM group "([^"]*)"$`, on1((*scenario).hsmGroup)},
		{Given, `^the HSM group "([^"]*)", synced$`, on1((*scenario).syncedGroup)},
		{Then, `^the group "([^"]*)" is an HSM group of kind (nShield|Luna|AWS CloudHSM|SoftHSM)$`, on2((*scenario).groupIsOfKind)},
		{Then, `^the group "([^"]*)" is an ordinary group$`, on1((*scenario).groupIsOrdinary)},
		{Then, `^the group "([^"]*)" is described as "([^"]*)"$`, on2((*scenario).groupIsDescribed)},
		{Then, `^there is no group "([^"]*)"$`, on1((*scenario).noGroup)},
	}
}

func (s *scenario) makesOrdinaryGroup(ctx context.Context, name string) error {
	return s.did(s.ordinaryGroup(ctx, name))
}

func (s *scenario) makesDescribedGroup(ctx context.Context, name, description string) error {
	return s.did(s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, Description: &description}))
}

func (s *scenario) makesGroupOfKind(ctx context.Context, name, kind string) error {
	c, err := s.connection(ctx)
	if err != nil {
		return err
	}
	c.Kind = kinds[kind]
	return s.did(s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{c}}))
}

func (s *scenario) makesCloudGroup(ctx context.Context, name string) error {
	return s.did(s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{{Kind: "AwsKms", URL: "kms.example.com"}}}))
}

func (s *scenario) ordinaryGroup(ctx context.Context, name string) error {
	return s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name})
}

// hsmGroup makes a group linked to the scenario's HSM.
func (s *scenario) hsmGroup(ctx context.Context, name string) error {
	c, err := s.connection(ctx)
	if err != nil {
		return err
	}
	return s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{c}})
}

func (s *scenario) syncedGroup(ctx context.Context, name string) error {
	if err := s.hsmGroup(ctx, name); err != nil {
		return err
	}
	return s.sync(ctx, name)
}

func (s *scenario) makeGroup(ctx context.Context, r dsmwire.GroupRequest) error {
	g, err := s.admin.CreateGroup(ctx, r)
	if err == nil {
		s.groups[*r.Name] = g
	}
	return err
}

// shown returns a group as the list of groups shows it.
func (s *scenario) shown(ctx context.Context, name string) (g dsmwire.Group, found bool, err error) {
	all, err := s.admin.Groups(ctx)
	for _, g := range all {
		if g.Name == name {
			return g, true, nil
		}
	}
	return g, false, err
}

// shownGroup is shown for a group that must be there.
func (s *scenario) shownGroup(ctx context.Context, name string) (dsmwire.Group, error) {
	g, found, err := s.shown(ctx, name)
	if err == nil && !found {
		err = fmt.Errorf("there is no group %q", name)
	}
	return g, err
}

func (s *scenario) groupIsOfKind(ctx context.Context, name, kind string) error {
	g, err := s.shownGroup(ctx, name)
	if err != nil {
		return err
	}
	for _, h := range g.Hmg {
		return expect("kind", h.Kind, kinds[kind])
	}
	return fmt.Errorf("the group %q has no connection, want one", name)
}

func (s *scenario) groupIsOrdinary(ctx context.Context, name string) error {
	g, err := s.shownGroup(ctx, name)
	if err != nil {
		return err
	}
	return expect("connections", len(g.Hmg), 0)
}

func (s *scenario) groupIsDescribed(ctx context.Context, name, want string) error {
	g, err := s.shownGroup(ctx, name)
	if err != nil {
		return err
	}
	return expect("description", g.Description, want)
}

func (s *scenario) noGroup(ctx context.Context, name string) error {
	_, found, err := s.shown(ctx, name)
	if err == nil && found {
		err = fmt.Errorf("there is a group %q, want none", name)
	}
	return err
}
