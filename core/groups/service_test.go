package groups_test

import (
	"errors"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
)

func TestAddressesOfOtherServices(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"keys.example":               "keys.example:443",
		"https://keys.example":       "keys.example:443",
		"https://keys.example:8443/": "keys.example:8443",
		"10.0.0.1":                   "10.0.0.1:443",
		"https://[::1]:8443":         "[::1]:8443",
		"https://[::1]":              "[::1]:443",
	} {
		if got, err := groups.Fortanix.ParseAddress(in); err != nil || got != want {
			t.Errorf("%q: got %q and error %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "http://keys.example", "https://", "https://keys.example/path", "https://u@keys.example", "https://https://x"} {
		if got, err := groups.Fortanix.ParseAddress(in); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: got %q and error %v, want it refused", in, got, err)
		}
	}
	if got, err := groups.NCipher.ParseAddress("hsm1"); err != nil || got != "hsm1:4442" {
		t.Errorf("got %q and %v, want a gateway's port", got, err)
	}
	if _, err := groups.NCipher.ParseAddress("https://hsm1"); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v, want a gateway's address without a scheme", err)
	}
}
