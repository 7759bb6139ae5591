package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// moment is how far ahead a date is that comes by itself within a scenario. The
// API's times are whole seconds.
const moment = 3 * time.Second

func lifecycleSteps() []Step {
	soonActive := func(r *dsmwire.SobjectRequest) { r.ActivationDate = in(moment) }
	soonEnds := func(r *dsmwire.SobjectRequest) { r.DeactivationDate = in(moment) }
	soonRotated := func(r *dsmwire.SobjectRequest) {
		days := uint32(30)
		r.RotationPolicy.Set = &dsmwire.RotationPolicy{IntervalDays: &days, EffectiveAt: in(moment)}
	}
	inactive := func(r *dsmwire.SobjectRequest) { r.State = "PreActive" }
	return []Step{
		{Given, `^the application has generated the AES 256 key "([^"]*)" in "([^"]*)" that is not active yet$`, generated(inactive)},
		{Given, `^the application has generated the AES 256 key "([^"]*)" in "([^"]*)" that becomes active in a moment$`, generated(soonActive)},
		{Given, `^the application has generated the AES 256 key "([^"]*)" in "([^"]*)" that ends in a moment$`, generated(soonEnds)},
		{Given, `^the application has generated the AES 256 key "([^"]*)" in "([^"]*)" that is rotated every month from a moment on$`, generated(soonRotated)},
		{When, `^the administrator activates "([^"]*)"$`, on1((*scenario).activates)},
		{Given, `^the administrator has revoked "([^"]*)" as (superseded|compromised)$`, on2((*scenario).revoke)},
		{When, `^the administrator revokes "([^"]*)" as (superseded|compromised)$`, on2((*scenario).revokes)},
		{Given, `^the administrator has enabled "([^"]*)" again$`, on1((*scenario).enable)},
		{Then, `^the application can(not)? encrypt with "([^"]*)" a moment later$`, on2((*scenario).canEncryptLater)},
		{Then, `^it is refused because the key (?:is|was) (not active yet|deactivated|destroyed|replaced already|in another group then)$`, on1((*scenario).refusedFor)},
		{Then, `^the (destroyed|deleted) key "([^"]*)" is shown to who asks for such keys$`, on2((*scenario).isShown)},

		{Given, `^the administrator has rotated "([^"]*)"$`, on1((*scenario).rotate)},
		{When, `^the administrator rotates "([^"]*)"$`, on1((*scenario).rotates)},
		{When, `^the administrator rotates "([^"]*)" and deactivates the former key$`, on1((*scenario).rotatesAndDeactivates)},
		{When, `^the administrator rotates the former key "([^"]*)"$`, on1((*scenario).rotatesFormer)},
		{Then, `^another key "([^"]*)" has taken the place of the former one$`, on1((*scenario).hasTakenPlace)},
		{Then, `^another key "([^"]*)" has taken the place of the former one a moment later$`, on1((*scenario).hasTakenPlaceLater)},
		{Then, `^the former key "([^"]*)" is named after the time of its rotation$`, on1((*scenario).isNamedAfterTime)},
		{Then, `^the former key "([^"]*)" is in state ([A-Z][A-Za-z]+)$`, on2((*scenario).formerIsIn)},
		{Then, `^what the former key has encrypted decrypts with it$`, on0((*scenario).formerDecrypts)},

		{When, `^the administrator copies "([^"]*)" to "([^"]*)" in "([^"]*)"$`, on3((*scenario).copies)},
		{Then, `^the keys "([^"]*)" and "([^"]*)" are of the same material and linked$`, on2((*scenario).areAlike)},
		{When, `^the administrator puts "([^"]*)" in the place of "([^"]*)", now "([^"]*)"$`, on3((*scenario).replaces)},
		{Then, `^the key "([^"]*)" has been replaced by the key "([^"]*)"$`, on2((*scenario).isReplacedBy)},

		{Given, `^the ordinary group "([^"]*)", whose changes of keys can be undone for a day$`, on1((*scenario).groupWithUndo)},
		{When, `^the administrator undoes the last change of "([^"]*)"$`, on1((*scenario).undoesLast)},
		{When, `^the administrator undoes the deletion of "([^"]*)"$`, on1((*scenario).undoesDeletion)},
		{Then, `^"([^"]*)" has nothing to be undone$`, on1((*scenario).hasNoHistory)},

		{Given, `^the application may do everything with keys of "([^"]*)" but ([A-Z_]+)$`, on2((*scenario).mayAllBut)},
		{When, `^the application (activates|revokes|rotates|copies|disables|restricts|destroys) the key "([^"]*)"$`, on2((*scenario).appDoes)},
	}
}

func in(d time.Duration) *dsmwire.Time {
	t := dsmwire.NewTime(time.Now().Add(d))
	return &t
}

// generated makes an AES key that is somehow special.
func generated(special func(*dsmwire.SobjectRequest)) func(context.Context, string, string) error {
	return on2(func(s *scenario, ctx context.Context, name, group string) error {
		r, err := s.keyIn("AES 256", name, group)
		if err != nil {
			return err
		}
		app, err := s.application()
		if err != nil {
			return err
		}
		special(&r)
		k, err := app.Generate(ctx, r)
		s.former = map[string]dsmwire.Sobject{name: k}
		return err
	})
}

// onKey does something to a key by its id.
func (s *scenario) onKey(ctx context.Context, name string, do func(context.Context, string) error) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	return do(ctx, k.KID)
}

func (s *scenario) activates(ctx context.Context, name string) error {
	return s.did(s.onKey(ctx, name, s.admin.Activate))
}

var codes = map[string]string{"superseded": "Superseded", "compromised": "KeyCompromise"}

func (s *scenario) revoke(ctx context.Context, name, reason string) error {
	return s.onKey(ctx, name, func(ctx context.Context, kid string) error {
		return s.admin.Revoke(ctx, kid, dsmwire.RevocationReason{Code: codes[reason]})
	})
}

func (s *scenario) revokes(ctx context.Context, name, reason string) error {
	return s.did(s.revoke(ctx, name, reason))
}

func (s *scenario) enable(ctx context.Context, name string) error {
	enabled := true
	return s.update(ctx, s.admin, name, dsmwire.SobjectRequest{Enabled: &enabled})
}

func (s *scenario) canEncryptLater(ctx context.Context, not, name string) error {
	return soon(ctx, func() error {
		err := s.encrypt(ctx, name, "CBC")
		if not == "" || err != nil && !isRefusal(err, fault.Conflict) {
			return err
		}
		if err == nil {
			return fmt.Errorf("%q still encrypts", name)
		}
		return nil
	})
}

func (s *scenario) refusedFor(_ context.Context, what string) error {
	words := map[string]string{"replaced already": "taken this one's place"}[what]
	if words == "" {
		words = what
	}
	return s.wasRefused(fault.Conflict, words)
}

func (s *scenario) isShown(ctx context.Context, state, name string) error {
	if err := s.noKey(ctx, name); err != nil {
		return err
	}
	k, err := s.gone(ctx, name)
	if err != nil {
		return err
	}
	return expect("state", strings.ToLower(k.State), state)
}

// gone returns a key that is destroyed or deleted.
func (s *scenario) gone(ctx context.Context, name string) (dsmwire.Sobject, error) {
	all, err := s.admin.Keys(ctx, dsmclient.KeyQuery{Name: name, ShowDestroyed: true, ShowDeleted: true})
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	if len(all) != 1 {
		return dsmwire.Sobject{}, fmt.Errorf("got %d keys %q, want one", len(all), name)
	}
	return all[0], nil
}

func (s *scenario) rotateWith(ctx context.Context, name string, deactivate *bool) error {
	former, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	s.former = map[string]dsmwire.Sobject{name: former}
	_, err = s.admin.Rekey(ctx, dsmwire.SobjectRekeyRequest{SobjectRequest: dsmwire.SobjectRequest{Name: &name}, DeactivateRotatedKey: deactivate})
	return err
}

func (s *scenario) rotate(ctx context.Context, name string) error {
	return s.rotateWith(ctx, name, nil)
}

func (s *scenario) rotates(ctx context.Context, name string) error {
	return s.did(s.rotate(ctx, name))
}

func (s *scenario) rotatesAndDeactivates(ctx context.Context, name string) error {
	deactivate := true
	return s.did(s.rotateWith(ctx, name, &deactivate))
}

// formerKey returns the key that had the name before, as it is now.
func (s *scenario) formerKey(ctx context.Context, name string) (dsmwire.Sobject, error) {
	former, known := s.former[name]
	if !known {
		return former, fmt.Errorf("nobody has rotated a key %q", name)
	}
	return s.admin.Key(ctx, dsmclient.ByID(former.KID))
}

func (s *scenario) rotatesFormer(ctx context.Context, name string) error {
	former, err := s.formerKey(ctx, name)
	if err != nil {
		return err
	}
	_, err = s.admin.Rekey(ctx, dsmwire.SobjectRekeyRequest{SobjectRequest: dsmwire.SobjectRequest{Name: &former.Name}})
	return s.did(err)
}

func (s *scenario) hasTakenPlace(ctx context.Context, name string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	former, err := s.formerKey(ctx, name)
	if err != nil {
		return err
	}
	if k.Links == nil || former.Links == nil {
		return errors.New("the keys are not linked")
	}
	return errors.Join(
		expect("the former key", k.Links.Replaced, former.KID), expect("the new key", former.Links.Replacement, k.KID),
		expect("group", k.GroupID, former.GroupID), expect("virtual", k.External != nil, former.External != nil),
	)
}

func (s *scenario) hasTakenPlaceLater(ctx context.Context, name string) error {
	return soon(ctx, func() error { return s.hasTakenPlace(ctx, name) })
}

func (s *scenario) isNamedAfterTime(ctx context.Context, name string) error {
	former, err := s.formerKey(ctx, name)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(former.Name, name+" (rotated at 20") {
		return fmt.Errorf("the former key is named %q", former.Name)
	}
	return nil
}

func (s *scenario) formerIsIn(ctx context.Context, name, state string) error {
	former, err := s.formerKey(ctx, name)
	if err != nil {
		return err
	}
	return expect("state", former.State, state)
}

func (s *scenario) formerDecrypts(ctx context.Context) error {
	former, err := s.formerKey(ctx, s.encrypted.name)
	if err != nil {
		return err
	}
	s.encrypted.request.Key = &dsmwire.SobjectDescriptor{KID: former.KID}
	return s.decryptsAgain(ctx)
}

func (s *scenario) copyTo(ctx context.Context, name, copied, group string) error {
	g, err := s.group(group)
	if err != nil {
		return err
	}
	_, err = s.admin.Copy(ctx, dsmwire.CopySobjectRequest{
		Key: dsmclient.ByName(name), SobjectRequest: dsmwire.SobjectRequest{Name: &copied, GroupID: &g.GroupID},
	})
	return err
}

func (s *scenario) copies(ctx context.Context, name, copied, group string) error {
	return s.did(s.copyTo(ctx, name, copied, group))
}

func (s *scenario) areAlike(ctx context.Context, name, copied string) error {
	a, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	b, err := s.key(ctx, copied)
	if err != nil {
		return err
	}
	if a.Links == nil || b.Links == nil || a.KCV == "" {
		return errors.New("the keys are not linked, or tell no check value")
	}
	return errors.Join(
		expect("check value", b.KCV, a.KCV), expect("original", b.Links.CopiedFrom, a.KID),
		expect("listed as a copy", slices.Contains(a.Links.CopiedTo, b.KID), true),
	)
}

func (s *scenario) replaces(ctx context.Context, next, old, renamed string) error {
	return s.did(s.admin.Replace(ctx, dsmwire.SobjectReplaceRequest{
		Replaced: dsmclient.ByName(old), ReplacedNewName: renamed, Replacement: dsmclient.ByName(next),
	}))
}

func (s *scenario) isReplacedBy(ctx context.Context, old, next string) error {
	a, err := s.key(ctx, old)
	if err != nil {
		return err
	}
	b, err := s.key(ctx, next)
	if err != nil {
		return err
	}
	if a.Links == nil || b.Links == nil {
		return errors.New("the keys are not linked")
	}
	return errors.Join(expect("replacement", a.Links.Replacement, b.KID), expect("replaced", b.Links.Replaced, a.KID))
}

func (s *scenario) groupWithUndo(ctx context.Context, group string) error {
	if err := s.ordinaryGroup(ctx, group); err != nil {
		return err
	}
	var r dsmwire.GroupRequest
	r.KeyHistoryPolicy.Set = &dsmwire.KeyHistoryPolicy{UndoTimeWindow: 24 * 60 * 60}
	return s.changeGroup(ctx, group, r)
}

// undo reverts the last change of a key.
func (s *scenario) undo(ctx context.Context, k dsmwire.Sobject) error {
	if len(k.History) == 0 {
		return fmt.Errorf("%q has no history", k.Name)
	}
	return s.did(s.admin.Revert(ctx, k.KID, k.History[len(k.History)-1].ID))
}

func (s *scenario) undoesLast(ctx context.Context, name string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	return s.undo(ctx, k)
}

func (s *scenario) undoesDeletion(ctx context.Context, name string) error {
	k, err := s.gone(ctx, name)
	if err != nil {
		return err
	}
	return s.undo(ctx, k)
}

func (s *scenario) hasNoHistory(ctx context.Context, name string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	return expect("states to go back to", len(k.History), 0)
}

func (s *scenario) mayAllBut(ctx context.Context, group, permission string) error {
	g, err := s.group(group)
	if err != nil {
		return err
	}
	a, err := s.admin.App(ctx, s.appID)
	if err != nil {
		return err
	}
	all := slices.DeleteFunc(a.Groups.Permissions[g.GroupID], func(p string) bool { return p == permission || p == "MANAGE" })
	_, err = s.admin.UpdateApp(ctx, s.appID, dsmwire.AppRequest{
		ModGroups: dsmwire.AppGroups{Permissions: map[string][]string{g.GroupID: all}},
	})
	return err
}

func (s *scenario) appDoes(ctx context.Context, what, name string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	disabled, copied := false, "copy"
	return s.did(s.onKey(ctx, name, func(ctx context.Context, kid string) error {
		switch what {
		case "activates":
			return app.Activate(ctx, kid)
		case "revokes":
			return app.Revoke(ctx, kid, dsmwire.RevocationReason{Code: "Superseded"})
		case "rotates":
			_, err := app.Rekey(ctx, dsmwire.SobjectRekeyRequest{SobjectRequest: dsmwire.SobjectRequest{Name: &name}})
			return err
		case "copies":
			_, err := app.Copy(ctx, dsmwire.CopySobjectRequest{Key: dsmclient.ByID(kid), SobjectRequest: dsmwire.SobjectRequest{Name: &copied}})
			return err
		case "restricts":
			_, err := app.UpdateKey(ctx, kid, dsmwire.SobjectRequest{AES: &dsmwire.CipherOptions{CipherMode: "GCM"}})
			return err
		case "disables":
			_, err := app.UpdateKey(ctx, kid, dsmwire.SobjectRequest{Enabled: &disabled})
			return err
		default:
			return app.Destroy(ctx, kid)
		}
	}))
}
