package restapi_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
)

// A message in parts is the same message, whichever way each half goes.
func TestMessagesInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	plain := bytes.Repeat([]byte("attack at dawn. "), 20)
	for _, group := range []struct{ name, id string }{{"ordinary", w.local}, {"HSM", w.slot}} {
		k := w.wrapper("parts of "+group.name, group.id)
		for _, mode := range []string{"CBC", "CBCNOPAD", "CTR", "GCM"} {
			t.Run(mode+" in an "+group.name+" group", func(t *testing.T) {
				m := &dsmwire.Mode{Name: mode}
				begun, err := w.app.EncryptInit(ctx, dsmwire.EncryptInitRequest{Key: byID(k), Alg: "AES", Mode: m})
				if group.id == w.slot && err != nil && strings.Contains(err.Error(), "501") {
					return // what an HSM cannot do in parts it says at once
				}
				must(t, err)
				if begun.KID != k.KID || len(begun.IV) == 0 {
					t.Errorf("got %+v", begun)
				}
				var cipher []byte
				state := begun.State
				for rest := plain; len(rest) > 0; {
					n := min(37, len(rest))
					r, err := w.app.EncryptUpdate(ctx, dsmwire.EncryptUpdateRequest{State: state, Plain: rest[:n]})
					must(t, err)
					cipher, state, rest = append(cipher, r.Cipher...), r.State, rest[n:]
				}
				end, err := w.app.EncryptFinal(ctx, dsmwire.EncryptFinalRequest{Key: byID(k), State: state})
				must(t, err)
				cipher = append(cipher, end.Cipher...)
				whole, err := w.app.Decrypt(ctx, dsmwire.DecryptRequest{Key: byID(k), Mode: m, Cipher: cipher, IV: begun.IV, Tag: end.Tag})
				must(t, err)
				if !bytes.Equal(whole.Plain, plain) {
					t.Errorf("got %q decrypted at once", whole.Plain)
				}

				again, err := w.app.DecryptInit(ctx, dsmwire.DecryptInitRequest{Key: byID(k), Mode: m, IV: begun.IV})
				must(t, err)
				first, err := w.app.DecryptUpdate(ctx, dsmwire.DecryptUpdateRequest{State: again.State, Cipher: cipher[:41]})
				must(t, err)
				second, err := w.app.DecryptUpdate(ctx, dsmwire.DecryptUpdateRequest{State: first.State, Cipher: cipher[41:]})
				must(t, err)
				last, err := w.app.DecryptFinal(ctx, dsmwire.DecryptFinalRequest{State: second.State, Tag: end.Tag})
				must(t, err)
				if got := bytes.Join([][]byte{first.Plain, second.Plain, last.Plain}, nil); !bytes.Equal(got, plain) {
					t.Errorf("got %q decrypted in parts", got)
				}
				if mode == "GCM" {
					_, err := w.app.DecryptFinal(ctx, dsmwire.DecryptFinalRequest{State: second.State, Tag: make([]byte, 16)})
					if err == nil || !strings.Contains(err.Error(), "decryption refused") {
						t.Errorf("got error %v for a wrong tag", err)
					}
				}
			})
		}
	}
}

func TestPartsOnTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	k, other := w.wrapper("parts", w.local), w.wrapper("other", w.local)
	begun, err := w.app.EncryptInit(ctx, dsmwire.EncryptInitRequest{Key: byID(k), Alg: "AES", Mode: &dsmwire.Mode{Name: "CBC"}})
	must(t, err)
	state := base64.StdEncoding.EncodeToString(begun.State)
	loose := w.dataKey()
	looseBegun, err := w.app.EncryptInit(ctx, dsmwire.EncryptInitRequest{Key: &dsmwire.SobjectDescriptor{TransientKey: loose.TransientKey}, Alg: "AES", Mode: &dsmwire.Mode{Name: "CTR"}})
	must(t, err)
	looseState := base64.StdEncoding.EncodeToString(looseBegun.State)
	key, transient := `"key":{"kid":"`+k.KID+`"}`, `"key":`+descriptorOf(t, loose)
	for name, c := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"no alg":                           {"encrypt/init", `{` + key + `,"mode":"CBC"}`, 400, "alg is required"},
		"no mode":                          {"encrypt/init", `{` + key + `,"alg":"AES"}`, 400, "mode"},
		"a mode that has no parts":         {"encrypt/init", `{` + key + `,"alg":"AES","mode":"CCM"}`, 501, "parts"},
		"no iv to decrypt":                 {"decrypt/init", `{` + key + `,"alg":"AES","mode":"CBC"}`, 400, "iv"},
		"no state":                         {"encrypt/update", `{` + key + `,"plain":"AAAA"}`, 400, "state is required"},
		"a state of nobody":                {"encrypt/update", `{` + key + `,"plain":"AAAA","state":"AAAA"}`, 400, "state is not one"},
		"a state of another key":           {"encrypt/update", `{"key":{"kid":"` + other.KID + `"},"plain":"AAAA","state":"` + state + `"}`, 400, "state is not one"},
		"a state of the other direction":   {"decrypt/update", `{` + key + `,"cipher":"AAAA","state":"` + state + `"}`, 400, "state is not one"},
		"no plain":                         {"encrypt/update", `{` + key + `,"state":"` + state + `"}`, 400, "plain is required"},
		"without the key":                  {"encrypt/update", `{"plain":"AAAA","state":"` + state + `"}`, 200, `{"cipher":"","state":"`},
		"with it":                          {"encrypt/final", `{` + key + `,"state":"` + state + `"}`, 200, `{"cipher":"`},
		"of a transient key, without it":   {"encrypt/update", `{"plain":"AAAA","state":"` + looseState + `"}`, 400, "exactly one"},
		"of a transient key, with it":      {"encrypt/update", `{` + transient + `,"plain":"AAAA","state":"` + looseState + `"}`, 200, `"cipher":"`},
		"of a transient key, with another": {"encrypt/update", `{` + key + `,"plain":"AAAA","state":"` + looseState + `"}`, 400, "state is not one"},
		"bits of a tag of nothing":         {"encrypt/final", `{` + key + `,"state":"` + state + `","tag_len":0}`, 400, "tag_len"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, reply := w.ask(http.MethodPost, "/crypto/v1/"+c.path, c.body)
			if status != c.status || !strings.Contains(reply, c.says) || strings.Contains(reply, "null") {
				t.Errorf("got %d %s, want %d with %q", status, reply, c.status, c.says)
			}
		})
	}
	t.Run("a state is its owner's alone", func(t *testing.T) {
		stranger := w.newApp("stranger", map[string][]string{w.local: everyPermission})
		_, err := stranger.EncryptUpdate(ctx, dsmwire.EncryptUpdateRequest{Key: byID(k), State: begun.State, Plain: message})
		if err == nil || !strings.Contains(err.Error(), "state is not one") {
			t.Errorf("got error %v, want it refused", err)
		}
	})
}
