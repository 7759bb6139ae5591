package steps

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/features/relay"
)

func severalSteps() []Step {
	const names = `((?:"[A-Z]"(?:, | and )?)+)`
	return []Step{
		{Given, `^the HSM group "([^"]*)" with the connections ` + names + `$`, on2((*scenario).groupWithConnections)},
		{Given, `^the HSM group "([^"]*)" with the connections ` + names + `, synced$`, on2((*scenario).syncedGroupWithConnections)},
		{Given, `^the HSM group "([^"]*)" with a second connection to another HSM$`, on1((*scenario).groupOfTwoHSMs)},
		{Given, `^the connections? ` + names + ` (?:is|are) cut$`, on1((*scenario).connectionsCut)},
		{Given, `^the connection "([A-Z])" hangs$`, on1((*scenario).connectionHangs)},
		{Given, `^the connection "([A-Z])" of "([^"]*)" does not work$`, on2((*scenario).connectionBroken)},
		{Given, `^the connection "([A-Z])" of "([^"]*)" was cut and works again$`, on2((*scenario).connectionRepaired)},
		{When, `^the administrator moves the connection "([A-Z])" of "([^"]*)" (to the top|up|down|to the bottom)$`, on3((*scenario).movesConnection)},
		{Given, `^the administrator has moved the connection "([A-Z])" of "([^"]*)" (to the top|up|down|to the bottom)$`, on3((*scenario).hasMovedConnection)},
		{When, `^the administrator adds the connection "([A-Z])" to "([^"]*)"$`, on2((*scenario).addsConnection)},
		{When, `^the administrator deletes the connection "([A-Z])" of "([^"]*)"$`, on2((*scenario).deletesConnection)},
		{Given, `^the administrator has deleted the connection "([A-Z])" of "([^"]*)"$`, on2((*scenario).hasDeletedConnection)},
		{Then, `^the connections of "([^"]*)" are ` + names + `$`, on2((*scenario).connectionsAre)},
		{Then, `^the connection "([A-Z])" of "([^"]*)" is connected$`, on2((*scenario).connectionWorks)},
		{Then, `^the connection "([A-Z])" of "([^"]*)" is not connected because (.+)$`, on3((*scenario).connectionFails)},
		{Then, `^the list of groups shows the connection "([A-Z])" of "([^"]*)" as not connected$`, on2((*scenario).listShowsNotConnected)},
		{Then, `^the sync warns that the connections lead to different keys$`, on0((*scenario).warnedOfDifference)},
		{Then, `^the second connection of "([^"]*)" shows one key missing$`, on1((*scenario).showsOneMissing)},
		{Given, `^the user "([^"]*)" in "([^"]*)"$`, on2((*scenario).userIn)},
		{Then, `^the view of "([^"]*)" shows "([^"]*)" as not connected$`, on2((*scenario).userSeesNotConnected)},
	}
}

var letter = regexp.MustCompile(`[A-Z]`)

// lettered returns a connection to the scenario's HSM over a way of its own.
func (s *scenario) lettered(ctx context.Context, letter string) (dsmwire.HmgConfig, error) {
	c, err := s.connection(ctx)
	if err != nil {
		return c, err
	}
	if s.ways[letter] == nil {
		way, err := relay.New(ctx, s.hsm.Gateway)
		if err != nil {
			return c, err
		}
		if s.ways == nil {
			s.ways = map[string]*relay.Relay{}
		}
		s.ways[letter] = way
	}
	c.URL = s.ways[letter].Address()
	return c, nil
}

func (s *scenario) groupWithConnections(ctx context.Context, name, letters string) error {
	r := dsmwire.GroupRequest{Name: &name, HmgRedundancy: priorityFailover()}
	for _, l := range letter.FindAllString(letters, -1) {
		c, err := s.lettered(ctx, l)
		if err != nil {
			return err
		}
		r.AddHmg = append(r.AddHmg, c)
	}
	return s.makeGroup(ctx, r)
}

func priorityFailover() dsmwire.Removable[string] {
	scheme := "PriorityFailover"
	return dsmwire.Removable[string]{Set: &scheme}
}

func (s *scenario) syncedGroupWithConnections(ctx context.Context, name, letters string) error {
	if err := s.groupWithConnections(ctx, name, letters); err != nil {
		return err
	}
	return s.sync(ctx, name)
}

// groupOfTwoHSMs makes a group whose second HSM is empty.
func (s *scenario) groupOfTwoHSMs(ctx context.Context, name string) error {
	c, err := s.connection(ctx)
	if err != nil {
		return err
	}
	second, err := s.stage.NewHSM(ctx)
	if err != nil {
		return err
	}
	slot, settings := second.Slot, second.TLS
	err = s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, HmgRedundancy: priorityFailover(), AddHmg: []dsmwire.HmgConfig{
		c, {Kind: "Softhsm", URL: second.Gateway, Slot: &slot, PIN: secretText(second.PIN), TLS: &settings},
	}})
	if err != nil {
		return err
	}
	return soon(ctx, func() error { // both are compared only while both work
		all, err := s.statuses(ctx, name)
		for _, st := range all {
			err = errors.Join(err, expect("state", st.State, "Connected"))
		}
		return err
	})
}

func (s *scenario) connectionsCut(_ context.Context, letters string) error {
	for _, l := range letter.FindAllString(letters, -1) {
		s.ways[l].Cut()
	}
	return nil
}

func (s *scenario) connectionHangs(_ context.Context, l string) error {
	s.ways[l].Hold(relay.Request)
	return nil
}

// connectionBroken cuts a connection and has the service notice it: what is sent
// at that very moment may have been done, and is not done again elsewhere when
// it changes the HSM.
func (s *scenario) connectionBroken(ctx context.Context, l, name string) error {
	s.ways[l].Cut()
	return s.connectionFails(ctx, l, name, "the connection is refused")
}

// connectionRepaired cuts a connection, has the service notice it, mends it and
// waits until it is used again.
func (s *scenario) connectionRepaired(ctx context.Context, l, name string) error {
	if err := s.connectionBroken(ctx, l, name); err != nil {
		return err
	}
	if err := s.ways[l].Mend(ctx); err != nil {
		return err
	}
	return s.connectionWorks(ctx, l, name)
}

// statuses returns the states of a group's connections, by priority.
func (s *scenario) statuses(ctx context.Context, name string) ([]dsmwire.ConnectionStatus, error) {
	g, err := s.group(name)
	if err != nil {
		return nil, err
	}
	return s.admin.Connections(ctx, g.GroupID)
}

// letterOf returns the letter of a connection.
func (s *scenario) letterOf(c dsmwire.HmgConfig) string {
	for l, way := range s.ways {
		if way.Address() == c.URL {
			return l
		}
	}
	return "?"
}

// lettersOf returns the connections of a group by priority, and their ids.
func (s *scenario) lettersOf(ctx context.Context, name string) (letters []string, ids map[string]string, err error) {
	all, err := s.statuses(ctx, name)
	ids = map[string]string{}
	for _, st := range all {
		l := s.letterOf(st.Config)
		letters, ids[l] = append(letters, l), st.ID
	}
	return letters, ids, err
}

// hasMovedConnection gives the connections the order that they have after the move.
func (s *scenario) hasMovedConnection(ctx context.Context, l, name, where string) error {
	letters, ids, err := s.lettersOf(ctx, name)
	if err != nil {
		return err
	}
	at := slices.Index(letters, l)
	if at < 0 {
		return fmt.Errorf("there is no connection %q", l)
	}
	to := map[string]int{"to the top": 0, "up": max(at-1, 0), "down": min(at+1, len(letters)-1), "to the bottom": len(letters) - 1}[where]
	letters = slices.Insert(slices.Delete(letters, at, at+1), to, l)
	change := dsmwire.GroupRequest{ModHmg: map[string]dsmwire.HmgConfig{}}
	for i, l := range letters {
		order := int32(i)
		change.ModHmg[ids[l]] = dsmwire.HmgConfig{Kind: "Softhsm", HSMOrder: &order}
	}
	return s.changeGroup(ctx, name, change)
}

func (s *scenario) movesConnection(ctx context.Context, l, name, where string) error {
	return s.did(s.hasMovedConnection(ctx, l, name, where))
}

func (s *scenario) changeGroup(ctx context.Context, name string, change dsmwire.GroupRequest) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	_, err = s.admin.UpdateGroup(ctx, g.GroupID, change)
	return err
}

func (s *scenario) addsConnection(ctx context.Context, l, name string) error {
	c, err := s.lettered(ctx, l)
	if err != nil {
		return err
	}
	return s.did(s.changeGroup(ctx, name, dsmwire.GroupRequest{AddHmg: []dsmwire.HmgConfig{c}}))
}

func (s *scenario) hasDeletedConnection(ctx context.Context, l, name string) error {
	_, ids, err := s.lettersOf(ctx, name)
	if err != nil {
		return err
	}
	return s.changeGroup(ctx, name, dsmwire.GroupRequest{DelHmg: []string{ids[l]}})
}

func (s *scenario) deletesConnection(ctx context.Context, l, name string) error {
	return s.did(s.hasDeletedConnection(ctx, l, name))
}

func (s *scenario) connectionsAre(ctx context.Context, name, want string) error {
	letters, _, err := s.lettersOf(ctx, name)
	if err != nil {
		return err
	}
	return expect("connections", strings.Join(letters, ""), strings.Join(letter.FindAllString(want, -1), ""))
}

// connectionState returns the state of one connection of a group.
func (s *scenario) connectionState(ctx context.Context, l, name string) (dsmwire.ConnectionState, error) {
	all, err := s.statuses(ctx, name)
	for _, st := range all {
		if s.letterOf(st.Config) == l {
			return st.ConnectionState, nil
		}
	}
	return dsmwire.ConnectionState{}, errors.Join(err, fmt.Errorf("there is no connection %q", l))
}

func (s *scenario) connectionWorks(ctx context.Context, l, name string) error {
	return soon(ctx, func() error {
		st, err := s.connectionState(ctx, l, name)
		if err != nil {
			return err
		}
		return expect("state", st.State, "Connected")
	})
}

func (s *scenario) connectionFails(ctx context.Context, l, name, reason string) error {
	return soon(ctx, func() error {
		st, err := s.connectionState(ctx, l, name)
		if err != nil {
			return err
		}
		if st.Since.IsZero() || st.Checked.IsZero() {
			return errors.New("it is not told since when")
		}
		return errors.Join(expect("state", st.State, "Not Connected"), expect("reason", st.Reason, string(reasons[reason])), says("the message", st.Message, "Not Connected"))
	})
}

func (s *scenario) listShowsNotConnected(ctx context.Context, l, name string) error {
	return soon(ctx, func() error {
		g, err := s.shownGroup(ctx, name)
		if err != nil {
			return err
		}
		for id, c := range g.Hmg {
			if s.letterOf(c) == l {
				return errors.Join(expect("state", g.HmgStatus[id].State, "Not Connected"), expect("reason", g.HmgStatus[id].Reason, string(fault.Refused)))
			}
		}
		return fmt.Errorf("the list shows no connection %q", l)
	})
}

func (s *scenario) warnedOfDifference(context.Context) error {
	for _, w := range s.warnings {
		if strings.Contains(w.Message, "differs") && strings.Contains(w.Message, "1 key missing") {
			return nil
		}
	}
	return fmt.Errorf("got the warnings %v, want one about different keys", s.warnings)
}

func (s *scenario) showsOneMissing(ctx context.Context, name string) error {
	return soon(ctx, func() error {
		all, err := s.statuses(ctx, name)
		if err != nil {
			return err
		}
		if len(all) != 2 || len(all[1].Different) != 1 {
			return fmt.Errorf("got %+v, want two connections and one key that differs", all)
		}
		return errors.Join(expect("difference", all[1].Difference, "1 key missing"), expect("key", all[1].Different[0].Label, "tls"), expect("difference of the first", all[0].Difference, ""))
	})
}

func (s *scenario) userIn(ctx context.Context, email, name string) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	s.person = strings.Replace(email, "@", "."+g.AcctID+"@", 1) // unlike anybody of another scenario
	u, err := s.admin.CreateUser(ctx, dsmwire.SignupRequest{UserEmail: s.person, UserPassword: secretText("password-" + rand.Text())})
	if err != nil {
		return err
	}
	_, err = s.admin.UpdateUser(ctx, u.UserID, dsmwire.UserRequest{AddGroups: map[string][]string{g.GroupID: {dsmwire.GroupAuditor}}})
	return err
}

func (s *scenario) userSeesNotConnected(ctx context.Context, _, name string) error {
	users, err := s.admin.Users(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(users, func(u dsmwire.User) bool { return u.UserEmail == s.person })
	if at < 0 {
		return fmt.Errorf("there is no user %q", s.person)
	}
	return soon(ctx, func() error {
		groups, err := s.admin.UserGroups(ctx, users[at].UserID)
		if err != nil {
			return err
		}
		if len(groups) != 1 {
			return fmt.Errorf("got %d groups, want one", len(groups))
		}
		g := groups[0]
		return errors.Join(expect("group", g.Name, name), expect("linked to an HSM", g.HSM, true), expect("state", g.State, "Not Connected"))
	})
}
