package secret_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

func TestValuePrintsAsPlaceholder(t *testing.T) {
	t.Parallel()
	const marker = "tr0ub4dor"
	v := secret.FromString(marker)
	holder := struct {
		PIN    secret.Value
		Ptr    *secret.Value
		Sealed secret.Sealed
	}{v, &v, secret.Sealed(marker)}
	hidden := struct{ pin secret.Value }{v} // package fmt cannot call its methods
	printed := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		printed["value "+verb] = fmt.Sprintf(verb, v)
		printed["struct "+verb] = fmt.Sprintf(verb, holder)
		printed["unexported field "+verb] = fmt.Sprintf(verb, hidden)
		printed["slice of unexported fields "+verb] = fmt.Sprintf(verb, []any{hidden, &hidden})
	}
	printed["error"] = fmt.Errorf("opening with %v: %w", v, errors.New("x")).Error()
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	printed["json"] = string(asJSON)
	text, _ := v.MarshalText()
	binary, _ := v.MarshalBinary()
	printed["text"], printed["binary"] = string(text), string(binary)
	for how, got := range printed {
		hex := fmt.Sprintf("%x", marker)
		decimal := strings.Trim(fmt.Sprintf("%d", []byte(marker)), "[]")
		if strings.Contains(got, marker) || strings.Contains(strings.ToLower(got), hex) || strings.Contains(got, decimal) {
			t.Errorf("%s: got the secret, want a placeholder", how)
		}
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOf(rapid.Byte()).Draw(t, "a")
		b := rapid.OneOf(rapid.Just(a), rapid.SliceOf(rapid.Byte())).Draw(t, "b")
		if got, want := secret.New(a).Equal(secret.New(b)), string(a) == string(b); got != want {
			t.Errorf("got %t, want %t", got, want)
		}
	})
}

func TestWipe(t *testing.T) {
	t.Parallel()
	v := secret.FromString("1234")
	copied := v
	v.Wipe()
	if got := copied.Reveal(reveal.Permit{}); string(got) != "\x00\x00\x00\x00" {
		t.Errorf("got %q after a wipe, want zeros in every copy", got)
	}
}
