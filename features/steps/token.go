package steps

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

func tokenSteps() []Step {
	return []Step{
		{Then, `^the HSM holds a key with the label "([^"]*)"$`, on1((*scenario).holdsKey)},
		{Then, `^the HSM holds (\d+) keys? with the label "([^"]*)"$`, on2((*scenario).holdsKeys)},
		{Then, `^the HSM key "([^"]*)" may (encrypt|decrypt)$`, on2((*scenario).hsmKeyMay)},
		{Then, `^the HSM key "([^"]*)" may not (encrypt|decrypt)$`, on2((*scenario).hsmKeyMayNot)},
		{Then, `^the keys of "([^"]*)" and of the HSM agree one by one$`, on1((*scenario).keysAgree)},
	}
}

func (s *scenario) holdsKey(ctx context.Context, label string) error {
	return s.holdsKeys(ctx, "1", label)
}

func (s *scenario) holdsKeys(_ context.Context, count, label string) error {
	want, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	objects, err := s.hsm.Objects()
	if err != nil {
		return err
	}
	n := 0
	for _, k := range keysOf(objects) {
		if k.label == label {
			n++
		}
	}
	return expect("keys with the label "+label, n, want)
}

// held is a key as a list shows it, in the HSM or in the service.
type held struct {
	public    bool // the public half alone
	id, label string
}

// keysOf makes keys of a token's objects: a pair is one key.
func keysOf(objects []hsm.Object) []held {
	var found []held
	private := map[held]int{}
	for _, o := range objects {
		if o.Class == hsm.SecretKey || o.Class == hsm.PrivateKey {
			k := held{id: string(o.ID), label: string(o.Label)}
			found = append(found, k)
			if o.Class == hsm.PrivateKey {
				private[k]++
			}
		}
	}
	for _, o := range objects {
		if o.Class != hsm.PublicKey {
			continue
		}
		k := held{id: string(o.ID), label: string(o.Label)}
		if private[k] > 0 {
			private[k]--
			continue
		}
		k.public = true
		found = append(found, k)
	}
	return found
}

// mayOps are the operations by the scenarios' words.
var mayOps = map[string]keys.Ops{"encrypt": keys.OpEncrypt, "decrypt": keys.OpDecrypt}

func (s *scenario) hsmKeyAllows(label, what string) (bool, error) {
	objects, err := s.hsm.Objects()
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(objects, func(o hsm.Object) bool { return o.Class == hsm.SecretKey && string(o.Label) == label })
	if i < 0 {
		return false, fmt.Errorf("the HSM holds no secret key with the label %q", label)
	}
	return objects[i].Ops.Has(mayOps[what]), nil
}

func (s *scenario) hsmKeyMay(_ context.Context, label, what string) error {
	may, err := s.hsmKeyAllows(label, what)
	if err != nil {
		return err
	}
	return expect("the HSM key may "+what, may, true)
}

func (s *scenario) hsmKeyMayNot(_ context.Context, label, what string) error {
	may, err := s.hsmKeyAllows(label, what)
	if err != nil {
		return err
	}
	return expect("the HSM key may "+what, may, false)
}

func (s *scenario) keysAgree(ctx context.Context, name string) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	objects, err := s.hsm.Objects()
	if err != nil {
		return err
	}
	unmatched := map[held]int{}
	for _, k := range keysOf(objects) {
		unmatched[k]++
	}
	n := 0
	err = s.admin.AllKeys(ctx, dsmclient.KeyQuery{GroupID: g.GroupID}, func(k dsmwire.Sobject) error {
		if k.External == nil {
			return fmt.Errorf("the key %q is not virtual", k.Name)
		}
		n++
		unmatched[held{k.PublicOnly, string(k.External.ID.ID), string(k.External.ID.Label)}]--
		return nil
	})
	if err != nil {
		return err
	}
	for k, n := range unmatched {
		if n != 0 {
			return fmt.Errorf("key with id %x and label %q: the HSM holds %+d more than the service shows", k.id, k.label, n)
		}
	}
	if n == 0 {
		return fmt.Errorf("there are no keys to compare")
	}
	return nil
}
