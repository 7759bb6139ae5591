package steps

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

func testSteps() []Step {
	return []Step{
		{When, `^the administrator tests the connection to the HSM$`, on0((*scenario).tests)},
		{When, `^the administrator tests a connection with (nobody listening|a wrong slot|a wrong PIN|no PIN)$`, on1((*scenario).testsFaulty)},
		{When, `^the administrator tests "([^"]*)" with the right slot$`, on1((*scenario).testsRightSlot)},
		{When, `^the administrator tests the saved connection of "([^"]*)"$`, on1((*scenario).testsSaved)},
		{Given, `^the HSM has refused the PIN of "([^"]*)"$`, on1((*scenario).hasRefusedPIN)},
		{When, `^the application tests the saved connection of "([^"]*)"$`, on1((*scenario).applicationTests)},
		{Then, `^the HSM has seen (one|two) logins? with a wrong PIN$`, on1((*scenario).wrongLogins)},
		{Given, `^the PIN of the HSM is locked$`, on0((*scenario).pinIsLocked)},
		{Given, `^the HSM reports a failure whenever it is asked$`, on0((*scenario).hsmFails)},
		{Given, `^the HSM is out of reach$`, on0((*scenario).outOfReach)},
		{Given, `^the HSM was out of reach and is back$`, on0((*scenario).backInReach)},
	}
}

func (s *scenario) tests(ctx context.Context) error {
	c, err := s.connection(ctx)
	if err != nil {
		return err
	}
	return s.did(s.admin.CheckConnection(ctx, c))
}

func (s *scenario) testsFaulty(ctx context.Context, what string) error {
	c, err := s.connection(ctx)
	if err != nil {
		return err
	}
	switch what {
	case "nobody listening":
		if c.URL, err = s.deserted(); err != nil {
			return err
		}
	case "a wrong slot":
		c.Slot = wrongSlot(*c.Slot)
	case "a wrong PIN":
		c.PIN = secretText(wrongPIN)
	case "no PIN":
		c.PIN = dsmwire.SecretText{}
	default:
		return fmt.Errorf("no such fault: %s", what)
	}
	return s.did(s.admin.CheckConnection(ctx, c))
}

func (s *scenario) testsSaved(ctx context.Context, name string) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	return s.did(s.checkSaved(ctx, g.GroupID))
}

// testsRightSlot tests a change of the saved connection that leaves its PIN out.
func (s *scenario) testsRightSlot(ctx context.Context, name string) error {
	g, err := s.shownGroup(ctx, name)
	if err != nil {
		return err
	}
	slot := s.hsm.Slot
	for id := range g.Hmg {
		err = s.admin.CheckGroup(ctx, g.GroupID, dsmwire.CheckHmgRequest{ID: id, Config: &dsmwire.HmgConfig{Kind: "Softhsm", Slot: &slot}})
	}
	return s.did(err)
}

// checkSaved tests each saved connection of a group.
func (s *scenario) checkSaved(ctx context.Context, groupID string) error {
	g, err := s.admin.Group(ctx, groupID)
	if err != nil {
		return err
	}
	for id := range g.Hmg {
		if err := s.admin.CheckGroup(ctx, groupID, dsmwire.CheckHmgRequest{ID: id}); err != nil {
			return err
		}
	}
	return nil
}

// hasTestedSaved leaves open how it ended: that is for the scenario to say.
func (s *scenario) hasRefusedPIN(ctx context.Context, name string) error {
	return soon(ctx, func() error {
		st, err := s.status(ctx, name)
		if err != nil {
			return err
		}
		return expect("reason", st.Reason, string(fault.PINIncorrect))
	})
}

func (s *scenario) applicationTests(ctx context.Context, name string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	g, err := s.group(name)
	if err != nil {
		return err
	}
	return s.did(app.CheckGroup(ctx, g.GroupID, dsmwire.CheckHmgRequest{}))
}

func (s *scenario) wrongLogins(_ context.Context, count string) error {
	if s.hsm.Simulated == nil {
		return errNotSimulated
	}
	return expect("logins with a wrong PIN", s.hsm.Simulated.WrongLogins(), map[string]int{"one": 1, "two": 2}[count])
}

var errNotSimulated = errors.New("this HSM is no simulator: the scenario needs the tag " + Simulated)

func (s *scenario) pinIsLocked(ctx context.Context) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	if s.hsm.Simulated == nil {
		return errNotSimulated
	}
	return s.hsm.Simulated.LockPIN(ctx)
}

func (s *scenario) hsmFails(ctx context.Context) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	if s.hsm.Simulated == nil {
		return errNotSimulated
	}
	s.hsm.Simulated.Fail()
	return nil
}

func (s *scenario) outOfReach(ctx context.Context) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	s.way.Cut()
	return nil
}

// backInReach cuts the way, has the service notice it, and mends it.
func (s *scenario) backInReach(ctx context.Context) error {
	if err := s.outOfReach(ctx); err != nil {
		return err
	}
	for name := range s.groups {
		if err := s.groupIsNotConnected(ctx, name); err != nil {
			return err
		}
	}
	return s.way.Mend(ctx)
}
