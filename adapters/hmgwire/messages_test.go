package hmgwire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// encode returns the body of a frame with message in it.
func encode(tb testing.TB, message any) []byte {
	tb.Helper()
	var buf bytes.Buffer
	if err := hmgwire.Append(&buf, hmgwire.KindAnswer, 1, message); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()[13:]
}

// TestProtocolBytes pins the encoding: another implementation depends on it.
func TestProtocolBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		message any
		want    string
	}{
		{"hello", hmgwire.NewHello("x", hmgwire.Limits{}), "a3016d67617465686f7573652d686d67028101036178"},
		{"open", hmgwire.NewOpen(7, secret.FromString("12"), true), "a301070242313204f5"},
		{"opened", &hmgwire.Opened{Handle: 3}, "a10103"},
		{"check", &hmgwire.Scope{Handle: 3, Timeout: 1000}, "a20103021903e8"},
		{"inventory of all", &hmgwire.Inventory{Scope: hmgwire.Scope{Handle: 3}, Window: 8}, "a3010303f60408"},
		{"inventory of the empty id", &hmgwire.Inventory{Scope: hmgwire.Scope{Handle: 3}, ID: []byte{}}, "a201030340"},
		{"operate", &hmgwire.Operate{
			Scope:     hmgwire.Scope{Handle: 3, Timeout: 9},
			Ref:       hmgwire.Ref{Class: "private key", Type: "EC", ID: []byte{1}, Label: nil, Fingerprint: []byte{2}},
			Operation: hmgwire.Operation{Name: "sign", Input: []byte{5}, Hash: "SHA256", Prehashed: true},
		}, "a40103020903a5016b70726976617465206b65790262454303410104f605410204a401647369676e02410504665348413235360af5"},
		{"wrap", &hmgwire.Wrap{
			Scope: hmgwire.Scope{Handle: 3}, With: hmgwire.Ref{Class: "secret key", Type: "AES", ID: []byte{1}},
			Subject: hmgwire.Ref{Class: "private key", ID: []byte{2}}, Operation: hmgwire.KeyOperation{Name: "wrap", Mode: "KWP", Format: "Pkcs8"},
		}, "a4010303a4016a736563726574206b6579026341455303410104f604a3016b70726976617465206b657903410204f605a301647772617003634b57500c65506b637338"},
		{"derive", &hmgwire.Make{
			Scope: hmgwire.Scope{Handle: 3}, Ref: hmgwire.Ref{Class: "secret key", Type: "AES", ID: []byte{1}},
			Template: hmgwire.Template{ID: []byte{2}, Type: "AES", Size: 128}, Operation: hmgwire.KeyOperation{Name: "derive", By: "hkdf", Hash: "SHA256", Salt: []byte{5}, Input: []byte{6}},
		}, "a4010303a4016a736563726574206b6579026341455303410104f604a401410202f6036341455304188005a5016664657269766502410604665348413235360d64686b64660e4105"},
		{"result", &hmgwire.Result{Output: []byte{1, 2}}, "a101420102"},
		{"refusal", hmgwire.NewRefusal(fault.New(fault.NotFound, "no key")), "a201696e6f7420666f756e6403666e6f206b6579"},
		{"update", hmgwire.NewUpdate(hmgwire.Scope{Handle: 3}, hsm.Ref{Class: hsm.SecretKey}, hsm.Change{Label: &[]byte{9}}), "a3010303a3016a736563726574206b657903f604f6044109"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := hex.EncodeToString(encode(t, c.message))
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestValuesTravel sends domain values through the codec and back.
func TestValuesTravel(t *testing.T) {
	t.Parallel()
	t.Run("objects", func(t *testing.T) {
		t.Parallel()
		for _, want := range []hsm.Object{
			{Class: hsm.OtherClass},
			{Class: hsm.Data, ID: nil, Label: []byte{}},
			{
				Class: hsm.PrivateKey, Type: keys.EC, KeyType: 3, ID: []byte{}, Label: []byte("Schlüssel"), Size: 256, Curve: keys.P256,
				Ops: keys.OpSign | keys.OpDecapsulate, PublicKey: []byte{4}, CheckValue: []byte{5}, Extractable: true, Unreadable: "CKA_ID",
			},
		} {
			var w hmgwire.Object
			if err := hmgwire.Decode(encode(t, hmgwire.NewObject(want)), &w); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, w.Object()); diff != "" {
				t.Errorf("-sent +received:\n%s", diff)
			}
		}
	})
	t.Run("operations", func(t *testing.T) {
		t.Parallel()
		for _, want := range []operations.Operation{
			operations.Encrypt{Mode: operations.GCM, Plain: []byte{1}, IV: []byte{2}, AD: []byte{3}, TagBits: 96},
			operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA1, Plain: []byte{1}, Label: []byte{3}},
			operations.Decrypt{Mode: operations.CCM, Cipher: []byte{1}, IV: []byte{2}, AD: []byte{3}, Tag: []byte{4}},
			operations.Sign{Hash: operations.SHA3_512, Mode: operations.PSS, Prehashed: true, Input: []byte{1}},
			operations.Verify{Hash: operations.SHA256, Input: []byte{1}, Signature: []byte{2}},
			operations.MAC{Hash: operations.SHA384, Data: []byte{1}},
			operations.MACVerify{Data: []byte{1}, MAC: []byte{2}},
		} {
			sent, err := hmgwire.NewOperation(want)
			if err != nil {
				t.Fatal(err)
			}
			var w hmgwire.Operate
			if err := hmgwire.Decode(encode(t, &hmgwire.Operate{Operation: sent, Ref: hmgwire.NewRef(hsm.Ref{Class: hsm.SecretKey})}), &w); err != nil {
				t.Fatal(err)
			}
			got, err := w.Operation.Operation()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-sent +received:\n%s", diff)
			}
		}
	})
	t.Run("operations on keys", func(t *testing.T) {
		t.Parallel()
		for _, want := range []operations.Operation{
			operations.Wrap{Mode: operations.GCM, IV: []byte{2}, AD: []byte{3}, TagBits: 96},
			operations.Wrap{Mode: operations.OAEP, Hash: operations.SHA1, Label: []byte{3}, Format: operations.FormatPKCS8},
			operations.Unwrap{Mode: operations.CCM, Wrapped: []byte{1}, IV: []byte{2}, AD: []byte{3}, Tag: []byte{4}},
			operations.Unwrap{Mode: operations.OAEP, Hash: operations.SHA256, Wrapped: []byte{1}, Label: []byte{2}},
			operations.Agree{PeerPublicKey: []byte{1}},
			operations.Derive{By: operations.HKDF{Hash: operations.SHA512, Salt: []byte{1}, Info: []byte{2}}},
			operations.Derive{By: operations.EncryptData{Encryption: operations.Encrypt{Mode: operations.GCM, Plain: []byte{1}, IV: []byte{2}, AD: []byte{3}, TagBits: 96}}},
		} {
			sent, err := hmgwire.NewKeyOperation(want)
			if err != nil {
				t.Fatal(err)
			}
			var w hmgwire.Make
			if err := hmgwire.Decode(encode(t, &hmgwire.Make{Operation: sent, Ref: hmgwire.NewRef(hsm.Ref{Class: hsm.SecretKey})}), &w); err != nil {
				t.Fatal(err)
			}
			got, err := w.Operation.Operation()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-sent +received:\n%s", diff)
			}
		}
		if _, err := hmgwire.NewKeyOperation(operations.Sign{}); !errors.Is(err, fault.Invalid) {
			t.Errorf("a signature: got %v, want %v", err, fault.Invalid)
		}
		for _, w := range []hmgwire.KeyOperation{{Name: "sign"}, {Name: "derive", By: "guessing"}, {Name: "wrap", Mode: "XTS"}} {
			if _, err := w.Operation(); !errors.Is(err, fault.Unsupported) {
				t.Errorf("%+v: got %v, want unsupported", w, err)
			}
		}
	})
	t.Run("token info", func(t *testing.T) {
		t.Parallel()
		want := hsm.Info{
			Slot: 1 << 40, Label: "Prüf", Serial: "1", Manufacturer: "m", Model: "d", Firmware: "1.2", Library: "l",
			Capabilities: hsm.Capabilities{
				Generate:   []hsm.GenerateCapability{{Type: keys.RSA, MinBits: 2048, MaxBits: 4096}},
				Mechanisms: []hsm.Mechanism{{Operation: "sign", Type: keys.RSA, Mode: operations.PSS, Hash: operations.SHA256}},
			},
			Sessions: hsm.Sessions{Open: 5, Renewed: 1 << 40, Logins: 3},
		}
		var w hmgwire.Info
		if err := hmgwire.Decode(encode(t, hmgwire.NewInfo(want)), &w); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, w.Info()); diff != "" {
			t.Errorf("-sent +received:\n%s", diff)
		}
	})
	t.Run("templates and changes", func(t *testing.T) {
		t.Parallel()
		want := hsm.Template{
			ID: []byte{1}, Label: []byte{2}, Type: keys.RSA, Size: 2048, Ops: keys.OpSign,
			RSA: keys.RSAOptions{PublicExponent: 65537}, Extractable: true, Private: true,
		}
		var g hmgwire.Generate
		if err := hmgwire.Decode(encode(t, &hmgwire.Generate{Template: hmgwire.NewTemplate(want)}), &g); err != nil {
			t.Fatal(err)
		}
		got, err := g.Template.Template()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-sent +received:\n%s", diff)
		}
		empty, ops := []byte{}, keys.Ops(0)
		for _, want := range []hsm.Change{{}, {Label: &empty}, {Ops: &ops}, {RemovePrivate: true}, {Unextractable: true}} {
			var u hmgwire.Update
			if err := hmgwire.Decode(encode(t, hmgwire.NewUpdate(hmgwire.Scope{}, hsm.Ref{Class: hsm.SecretKey}, want)), &u); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, u.Change()); diff != "" {
				t.Errorf("-sent +received:\n%s", diff)
			}
		}
	})
}

func TestErrorsTravel(t *testing.T) {
	t.Parallel()
	for _, kind := range fault.Kinds() {
		for _, reason := range append(fault.Reasons(), fault.Unspecified) {
			sent := fault.Wrap(kind, errors.New("CKR_SOMETHING\nin two lines"), "what the caller may know").Because(reason)
			var r hmgwire.Refusal
			if err := hmgwire.Decode(encode(t, hmgwire.NewRefusal(fmt.Errorf("on the way: %w", sent))), &r); err != nil {
				t.Fatal(err)
			}
			got := r.Err()
			if fault.KindOf(got) != kind || fault.ReasonOf(got) != reason || fault.Message(got) != fault.Message(sent) {
				t.Errorf("sent %q %q %q, received %q %q %q", kind, reason, fault.Message(sent),
					fault.KindOf(got), fault.ReasonOf(got), fault.Message(got))
			}
			if text := got.Error(); !strings.Contains(text, "CKR_SOMETHING in two lines") {
				t.Errorf("got %q, want the cause in one line", text)
			}
		}
	}
	for _, want := range []bool{true, false} {
		err := fault.New(fault.Unavailable, "busy")
		if want {
			err = err.Untried()
		}
		if got := errors.Is(hmgwire.NewRefusal(err).Err(), fault.Untried); got != want {
			t.Errorf("untried: sent %t, received %t", want, got)
		}
	}
	for sent, want := range map[time.Duration]time.Duration{
		0: 0, -1: 0, 1500 * time.Millisecond: 1500 * time.Millisecond, time.Hour: time.Minute,
	} {
		if got := fault.AfterOf(hmgwire.NewRefusal(fault.New(fault.Unavailable, "busy").After(sent)).Err()); got != want {
			t.Errorf("after %v: received %v, want %v", sent, got, want)
		}
	}
	if got := (hmgwire.Refusal{Kind: "of tomorrow", Reason: "of tomorrow"}).Err(); fault.KindOf(got) != fault.Internal || fault.ReasonOf(got) != fault.Unspecified {
		t.Errorf("an unknown kind and reason: got %q %q, want internal, unspecified", fault.KindOf(got), fault.ReasonOf(got))
	}
	if got := fault.Message(operations.DecryptRefused(nil)); got == "" || fault.Message(hmgwire.NewRefusal(operations.DecryptRefused(errors.New("tag"))).Err()) != got {
		t.Error("a refused decryption does not keep its one message")
	}
}

func TestWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	o := hmgwire.Object{Class: "of tomorrow", Type: "XMSS", Curve: "P1024"}.Object()
	if o.Class != hsm.OtherClass || o.Type != "" || o.Curve != "" {
		t.Errorf("an object of tomorrow: got %+v, want nothing that today does not know", o)
	}
	if _, err := (hmgwire.Ref{Class: "of tomorrow"}).Ref(); !errors.Is(err, fault.Invalid) {
		t.Errorf("a reference: got %v, want invalid", err)
	}
	if _, err := (hmgwire.Ref{Class: "secret key", Type: "of tomorrow"}).Ref(); !errors.Is(err, fault.Invalid) {
		t.Errorf("a reference: got %v, want invalid", err)
	}
	for _, w := range []hmgwire.Operation{{Name: "wrap"}, {Name: "sign", Mode: "XTS"}, {Name: "sign", Hash: "MD5"}} {
		if _, err := w.Operation(); !errors.Is(err, fault.Unsupported) {
			t.Errorf("%+v: got %v, want unsupported", w, err)
		}
	}
	for _, w := range []hmgwire.Template{{Type: "X"}, {Type: "EC", Curve: "X"}} {
		if _, err := w.Template(); !errors.Is(err, fault.Unsupported) {
			t.Errorf("%+v: got %v, want unsupported", w, err)
		}
	}
	for _, w := range []hmgwire.Template{{Type: "AES", Size: -1}, {Type: "AES", Size: 1 << 30}, {Type: "RSA", PublicExponent: -1}} {
		if _, err := w.Template(); !errors.Is(err, fault.Invalid) {
			t.Errorf("%+v: got %v, want invalid", w, err)
		}
	}
}

func TestHelloCheck(t *testing.T) {
	t.Parallel()
	if err := hmgwire.NewHello("", hmgwire.Limits{}).Check(); err != nil {
		t.Errorf("our own: %v", err)
	}
	for _, h := range []hmgwire.Hello{{}, {Magic: "HTTP/1.1", Versions: []uint{1}}, {Magic: hmgwire.Magic}, {Magic: hmgwire.Magic, Versions: []uint{2}}} {
		if err := h.Check(); !errors.Is(err, fault.Incompatible) {
			t.Errorf("%+v: got %v, want incompatible", h, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("81", 20) + "01"
	for name, body := range map[string]string{
		"nothing":                  "",
		"trailing bytes":           "a1010300",
		"a key twice":              "a201030104",
		"a tag":                    "c1a10103",
		"an array":                 "8103",
		"an indefinite map":        "bf0103ff",
		"text that is not":         "a1016b7072697661746520ff6579",
		"a negative handle":        "a10120",
		"a handle that is too big": "a1011b0000000100000000",
		"text as a number":         "a1016133",
		"deep nesting":             "a10f" + deep,
		"a length without bytes":   "a1035affffffff",
		"a huge array":             "a1089affffffff",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := hex.DecodeString(body)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range []any{new(hmgwire.Operate), new(hmgwire.Opened)} {
				if err := hmgwire.Decode(b, m); !errors.Is(err, fault.Invalid) {
					t.Errorf("%T: got %v, want invalid", m, err)
				}
			}
		})
	}
	var o hmgwire.Opened
	if err := hmgwire.Decode([]byte{0xa2, 0x01, 0x03, 0x18, 0x63, 0x61, 'x'}, &o); err != nil || o.Handle != 3 {
		t.Errorf("an unknown field: got %v, handle %d, want it ignored", err, o.Handle)
	}
}

func TestSecretsPrintAsPlaceholders(t *testing.T) {
	t.Parallel()
	open := hmgwire.NewOpen(1, secret.FromString("marker"), false)
	imported := hmgwire.Import{Material: hmgwire.Secret("marker")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		if text := fmt.Sprintf(format+format, open, imported); strings.Contains(text, "marker") || strings.Contains(text, "6d61726b6572") {
			t.Errorf("%s shows the secret: %s", format, text)
		}
	}
}
