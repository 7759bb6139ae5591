package passwords_test

import (
	"strings"
	"testing"

	"gatehouse/adapters/passwords"
	"gatehouse/core/secret"
)

func TestPasswords(t *testing.T) {
	t.Parallel()
	password := secret.FromString("correct horse battery staple")
	hash, err := passwords.Hash(password)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("the right password matches", func(t *testing.T) {
		t.Parallel()
		if !passwords.Check(hash, password) {
			t.Error("got no match, want one")
		}
	})
	t.Run("another password does not", func(t *testing.T) {
		t.Parallel()
		for _, wrong := range []string{"", "correct horse battery stapl", "correct horse battery staple "} {
			if passwords.Check(hash, secret.FromString(wrong)) {
				t.Errorf("got a match for a wrong password of %d bytes, want none", len(wrong))
			}
		}
	})
	t.Run("two hashes of one password differ", func(t *testing.T) {
		t.Parallel()
		other, err := passwords.Hash(password)
		if err != nil {
			t.Fatal(err)
		}
		if other == hash {
			t.Error("got the same hash twice, want another salt")
		}
	})
	t.Run("an unreadable hash matches nothing", func(t *testing.T) {
		t.Parallel()
		for _, bad := range []string{"", "x", strings.Replace(hash, "argon2id", "argon2i", 1), hash[:len(hash)-4]} {
			if passwords.Check(bad, password) {
				t.Error("got a match with an unreadable hash, want none")
			}
		}
	})
}
