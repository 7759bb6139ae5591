package steps

import (
	"context"
	"errors"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

func moveSteps() []Step {
	return []Step{
		{Given, `^the application "([^"]*)" in the ordinary group "([^"]*)" and the HSM group "([^"]*)"$`, on3((*scenario).applicationOfBothKinds)},
		{Given, `^the application "([^"]*)" in the ordinary group "([^"]*)", beside the ordinary group "([^"]*)"$`, on3((*scenario).applicationBeside)},
		{Given, `^the application "([^"]*)" in the ordinary group "([^"]*)", which may export from it$`, on2((*scenario).applicationThatExports)},

		{Given, `^the administrator has moved "([^"]*)" to "([^"]*)"$`, on2((*scenario).move)},
		{When, `^the administrator moves "([^"]*)" to "([^"]*)"$`, on2((*scenario).moves)},
		{When, `^the application moves the key "([^"]*)" to "([^"]*)"$`, on2((*scenario).appMoves)},

		{Given, `^the administrator has bound "([^"]*)" to leave under other keys only$`, on1((*scenario).bind)},
		{When, `^the administrator binds "([^"]*)" to leave under other keys only$`, on1((*scenario).binds)},
	}
}

func (s *scenario) applicationOfBothKinds(ctx context.Context, name, ordinary, hsm string) error {
	if err := errors.Join(s.ordinaryGroup(ctx, ordinary), s.hsmGroup(ctx, hsm)); err != nil {
		return err
	}
	return s.makeApplicationOfTwo(ctx, name, ordinary, hsm)
}

func (s *scenario) applicationBeside(ctx context.Context, name, group, other string) error {
	if err := errors.Join(s.ordinaryGroup(ctx, group), s.ordinaryGroup(ctx, other)); err != nil {
		return err
	}
	return s.makeApplication(ctx, name, group)
}

func (s *scenario) applicationThatExports(ctx context.Context, name, group string) error {
	if err := s.ordinaryGroup(ctx, group); err != nil {
		return err
	}
	if err := s.makeApplication(ctx, name, group); err != nil {
		return err
	}
	return s.mayExport(ctx, group)
}

// bind lets the value of a key leave only wrapped.
func (s *scenario) bind(ctx context.Context, name string) error {
	weakening := true
	return s.update(ctx, s.admin, name, dsmwire.SobjectRequest{ExportPolicy: &dsmwire.ExportPolicy{
		Type: dsmwire.Wrapped, By: &dsmwire.WrappingKeys{Type: dsmwire.AnyKey}, AllowWeakening: &weakening,
	}})
}

func (s *scenario) binds(ctx context.Context, name string) error { return s.did(s.bind(ctx, name)) }

func (s *scenario) moveBy(ctx context.Context, c *dsmclient.Client, name, group string) error {
	g, err := s.group(group)
	if err != nil {
		return err
	}
	return s.update(ctx, c, name, dsmwire.SobjectRequest{GroupID: &g.GroupID})
}

func (s *scenario) move(ctx context.Context, name, group string) error {
	return s.moveBy(ctx, s.admin, name, group)
}

func (s *scenario) moves(ctx context.Context, name, group string) error {
	return s.did(s.move(ctx, name, group))
}

func (s *scenario) appMoves(ctx context.Context, name, group string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	return s.did(s.moveBy(ctx, app, name, group))
}
