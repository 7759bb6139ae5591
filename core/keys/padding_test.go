package keys_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

func TestPaddingsOfANewKey(t *testing.T) {
	t.Parallel()
	rule := func(p string) keys.PaddingPolicy {
		return keys.PaddingPolicy{Given: true, Rules: []keys.PaddingRule{{Padding: p}}}
	}
	none := keys.PaddingPolicy{Given: true}
	for name, c := range map[string]struct {
		given, want keys.RSAPaddings
	}{
		"by default":       {keys.RSAPaddings{}, keys.RSAPaddings{Encryption: rule("OAEP"), Signature: keys.EveryPadding()}},
		"as asked for":     {keys.RSAPaddings{Encryption: rule("PKCS1_V15"), Signature: rule("PSS")}, keys.RSAPaddings{Encryption: rule("PKCS1_V15"), Signature: rule("PSS")}},
		"none at all":      {keys.RSAPaddings{Encryption: none, Signature: none}, keys.RSAPaddings{Encryption: none, Signature: none}},
		"after an old key": {keys.RSAPaddings{}.Said(), keys.RSAPaddings{Encryption: keys.EveryPadding(), Signature: keys.EveryPadding()}},
	} {
		got, err := keys.Spec{Name: "k", Type: keys.RSA, Size: 2048, Paddings: c.given}.CheckGenerate()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got.Paddings); diff != "" {
			t.Errorf("%s, want − got +:\n%s", name, diff)
		}
	}
	if got, err := (keys.Spec{Name: "k", Type: keys.AES, Size: 256}).CheckGenerate(); err != nil || !got.Paddings.Equal(keys.RSAPaddings{}) {
		t.Errorf("an AES key: got %v and error %v, want none", got.Paddings, err)
	}
	many := keys.PaddingPolicy{Given: true, Rules: make([]keys.PaddingRule, 100)}
	for name, spec := range map[string]keys.Spec{
		"of an AES key":   {Name: "k", Type: keys.AES, Size: 256, Paddings: keys.RSAPaddings{Signature: none}},
		"a hundred rules": {Name: "k", Type: keys.RSA, Size: 2048, Paddings: keys.RSAPaddings{Encryption: many}},
	} {
		if _, err := spec.CheckGenerate(); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
}

func TestCloneSharesNoPaddings(t *testing.T) {
	t.Parallel()
	k := keys.Key{Paddings: keys.RSAPaddings{Encryption: keys.EveryPadding(), Signature: keys.EveryPadding()}}
	c := k.Clone()
	c.Paddings.Encryption.Rules[0].Padding, c.Paddings.Signature.Rules[0].Padding = "OAEP", "PSS"
	if !k.Paddings.Equal(keys.RSAPaddings{}.Said()) {
		t.Errorf("got %v, want it unchanged", k.Paddings)
	}
}
