package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/simulators/lab/ports"
)

func connectionSteps() []Step {
	return append(severalSteps(), []Step{
		{When, `^the administrator links the group "([^"]*)" to the HSM$`, on1((*scenario).links)},
		{When, `^the administrator links the group "([^"]*)" to the gateway "([^"]*)"$`, on2((*scenario).linksTo)},
		{When, `^the administrator links the group "([^"]*)" to a gateway that does not answer$`, on1((*scenario).linksToNobody)},
		{Given, `^the HSM group "([^"]*)" with a wrong PIN$`, on1((*scenario).groupWithWrongPIN)},
		{Given, `^the HSM group "([^"]*)" with a wrong slot$`, on1((*scenario).groupWithWrongSlot)},
		{When, `^the administrator corrects the PIN of "([^"]*)"$`, on1((*scenario).correctsPIN)},
		{When, `^the administrator corrects the slot of "([^"]*)"$`, on1((*scenario).correctsSlot)},
		{When, `^the administrator points the connection of "([^"]*)" to the gateway "([^"]*)"$`, on2((*scenario).pointsTo)},
		{Then, `^the connection of "([^"]*)" shows the gateway's address and the slot$`, on1((*scenario).showsConnection)},
		{Then, `^the connection of "([^"]*)" shows the address "([^"]*)"$`, on2((*scenario).showsAddress)},
		{Then, `^the connection of "([^"]*)" shows no PIN$`, on1((*scenario).showsNoPIN)},
		{Then, `^"([^"]*)" is connected$`, on1((*scenario).groupIsConnected)},
		{Then, `^"([^"]*)" is not connected$`, on1((*scenario).groupIsNotConnected)},
	}...)
}

func (s *scenario) links(ctx context.Context, name string) error { return s.did(s.hsmGroup(ctx, name)) }

func (s *scenario) linksTo(ctx context.Context, name, gateway string) error {
	c, err := s.connection(ctx)
	if err != nil {
		return err
	}
	c.URL = gateway
	return s.did(s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{c}}))
}

func (s *scenario) linksToNobody(ctx context.Context, name string) error {
	nobody, err := s.deserted()
	if err != nil {
		return err
	}
	return s.linksTo(ctx, name, nobody)
}

// deserted returns an address at which nobody listens while the scenario lasts.
func (s *scenario) deserted() (string, error) {
	if s.nobody == nil {
		var err error
		if s.nobody, err = ports.Keep(); err != nil {
			return "", err
		}
	}
	return s.nobody.Address(), nil
}

const wrongPIN = "wrong-PIN-4711-0815"

func wrongSlot(slot uint64) *uint64 {
	slot ^= 1 << 20
	return &slot
}

func (s *scenario) groupWithWrongPIN(ctx context.Context, name string) error {
	c, err := s.connection(ctx)
	if err != nil {
		return err
	}
	c.PIN = secretText(wrongPIN)
	return s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{c}})
}

func (s *scenario) groupWithWrongSlot(ctx context.Context, name string) error {
	c, err := s.connection(ctx)
	if err != nil {
		return err
	}
	c.Slot = wrongSlot(*c.Slot)
	return s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{c}})
}

func (s *scenario) correctsPIN(ctx context.Context, name string) error {
	c, err := s.connection(ctx)
	if err != nil {
		return err
	}
	return s.did(s.correct(ctx, name, dsmwire.HmgConfig{Kind: c.Kind, PIN: c.PIN}))
}

func (s *scenario) correctsSlot(ctx context.Context, name string) error {
	slot := s.hsm.Slot
	return s.did(s.correct(ctx, name, dsmwire.HmgConfig{Kind: "Softhsm", Slot: &slot}))
}

func (s *scenario) pointsTo(ctx context.Context, name, gateway string) error {
	return s.did(s.correct(ctx, name, dsmwire.HmgConfig{Kind: "Softhsm", URL: gateway}))
}

// correct changes the one connection of a group.
func (s *scenario) correct(ctx context.Context, name string, to dsmwire.HmgConfig) error {
	g, err := s.shownGroup(ctx, name)
	if err != nil {
		return err
	}
	change := dsmwire.GroupRequest{ModHmg: map[string]dsmwire.HmgConfig{}}
	for id := range g.Hmg {
		change.ModHmg[id] = to
	}
	_, err = s.admin.UpdateGroup(ctx, g.GroupID, change)
	return err
}

// shownConnection returns the one connection of a group, as a list of groups shows it.
func (s *scenario) shownConnection(ctx context.Context, name string) (dsmwire.HmgConfig, error) {
	g, err := s.shownGroup(ctx, name)
	if err != nil {
		return dsmwire.HmgConfig{}, err
	}
	for _, h := range g.Hmg {
		return h, nil
	}
	return dsmwire.HmgConfig{}, fmt.Errorf("the group %q has no connection", name)
}

func (s *scenario) showsConnection(ctx context.Context, name string) error {
	h, err := s.shownConnection(ctx, name)
	if err != nil {
		return err
	}
	if h.Slot == nil {
		return errors.New("the connection shows no slot")
	}
	return errors.Join(expect("address", h.URL, s.way.Address()), expect("slot", *h.Slot, s.hsm.Slot))
}

func (s *scenario) showsAddress(ctx context.Context, name, want string) error {
	h, err := s.shownConnection(ctx, name)
	if err != nil {
		return err
	}
	return expect("address", h.URL, want)
}

func (s *scenario) showsNoPIN(ctx context.Context, name string) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	raw, err := s.admin.Raw(ctx, "GET", "/sys/v1/groups/"+g.GroupID, nil)
	if err != nil {
		return err
	}
	if text := string(raw.Body); strings.Contains(text, s.hsm.PIN) || strings.Contains(text, `"pin"`) {
		return errors.New("the connection shows its PIN")
	}
	return expect("status", raw.Status, 200)
}

// status returns the state of the one connection of a group.
func (s *scenario) status(ctx context.Context, name string) (dsmwire.ConnectionStatus, error) {
	g, err := s.group(name)
	if err != nil {
		return dsmwire.ConnectionStatus{}, err
	}
	all, err := s.admin.Connections(ctx, g.GroupID)
	if err != nil {
		return dsmwire.ConnectionStatus{}, err
	}
	if len(all) != 1 {
		return dsmwire.ConnectionStatus{}, fmt.Errorf("got %d connections, want one", len(all))
	}
	return all[0], nil
}

func (s *scenario) groupIsConnected(ctx context.Context, name string) error {
	return soon(ctx, func() error {
		st, err := s.status(ctx, name)
		if err == nil && !st.Connected {
			err = fmt.Errorf("not connected: %s", st.Message)
		}
		return err
	})
}

func (s *scenario) groupIsNotConnected(ctx context.Context, name string) error {
	return soon(ctx, func() error {
		st, err := s.status(ctx, name)
		switch {
		case err != nil:
			return err
		case st.Connected:
			return errors.New("it is connected, want that it is not")
		default:
			return says("the message", st.Message, "Not Connected")
		}
	})
}

// soon returns nil once check does, or what it says after as long as the service
// may take to notice what has happened to a connection that nobody uses.
func soon(ctx context.Context, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-every.C:
		}
	}
}

// isRefusal reports whether err is an answer of the service of this kind.
func isRefusal(err error, kind fault.Kind) bool {
	var refusal *dsmclient.Error
	return errors.As(err, &refusal) && errors.Is(err, kind)
}
