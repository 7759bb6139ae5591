package softkeys_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/adapters/softkeys"
	"gatehouse/core/access"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
)

// desk is a backend with what a test needs to use it.
type desk struct {
	b     *softkeys.Backend
	made  atomic.Int64
	taken map[string]keys.Key // by material
}

func newDesk(tb testing.TB) *desk {
	tb.Helper()
	return &desk{b: softkeys.New(sealer(tb), softkeys.Config{}), taken: map[string]keys.Key{}}
}

func (d *desk) order(s keys.Spec) backend.Order {
	s.Name = "key"
	if s.Ops == 0 {
		s.Ops = keys.PossibleOps(s.Type, s.Curve)
	}
	return backend.Order{ID: id.Key(fmt.Sprintf("00000000-0000-0000-0000-%012d", d.made.Add(1))), Group: ordinary, Spec: s}
}

func record(o backend.Order, m backend.Made) keys.Key {
	return keys.Key{
		ID: o.ID, Account: ordinary.Account, Group: ordinary.ID, Type: o.Spec.Type, Size: m.Size, Curve: m.Curve,
		Ops: keys.PossibleOps(o.Spec.Type, m.Curve), State: keys.Active, Enabled: true,
		PublicOnly: m.Public, PublicKey: m.PublicKey, KCV: m.KCV, KCVCMAC: m.KCVCMAC, ParamSet: m.ParamSet, Material: m.Material,
	}
}

func (d *desk) take(tb testing.TB, s keys.Spec, material []byte) keys.Key {
	tb.Helper()
	o := d.order(s)
	m, err := d.b.Import(tb.Context(), o, secret.New(bytes.Clone(material)))
	if err != nil {
		tb.Fatalf("importing a %s key: %v", s.Type, err)
	}
	return record(o, m)
}

func (d *desk) generate(tb testing.TB, s keys.Spec) keys.Key {
	tb.Helper()
	o := d.order(s)
	m, err := d.b.Generate(tb.Context(), o)
	if err != nil {
		tb.Fatalf("generating a %s key: %v", s.Type, err)
	}
	return record(o, m)
}

// use authorises op and does it. The error is policy's or the backend's.
func (d *desk) use(tb testing.TB, k keys.Key, op operations.Operation) (operations.Result, error) {
	tb.Helper()
	a, err := authorise(k, op)
	if err != nil {
		return operations.Result{}, err
	}
	return d.b.Operate(tb.Context(), ordinary, a)
}

func authorise(k keys.Key, op operations.Operation) (*access.Authorised, error) {
	k.Cipher = permitting(op)
	c := access.Caller{
		Principal: id.Principal{Kind: id.AppPrincipal, ID: "app"}, Account: k.Account, Role: access.CryptoApp,
		Groups: map[id.Group]access.Permissions{k.Group: access.AllPermissions},
	}
	return access.AuthoriseUse(c, k, op, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
}

func (d *desk) must(tb testing.TB, k keys.Key, op operations.Operation) operations.Result {
	tb.Helper()
	res, err := d.use(tb, k, op)
	if err != nil {
		tb.Fatalf("%s: %v", operations.Name(op), err)
	}
	return res
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatalf("reading hex: %v", err)
	}
	return b
}

// openssl runs the openssl command in dir, where files named in args are.
func openssl(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	program, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI needs the openssl command: %v", err)
		}
		t.Skip("needs the openssl command: run `make tools`")
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	if err := cmd.Run(); err != nil {
		t.Fatalf("openssl %v: %v\n%s%s", args, err, diagnostics.Bytes(), out.Bytes())
	}
	return out.Bytes()
}

func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatalf("writing %s: %v", name, err)
	}
}

// permitting is the policy that permits op.
func permitting(op operations.Operation) keys.CipherOptions {
	switch op := op.(type) {
	case operations.Encrypt:
		return keys.CipherOptions{Mode: string(op.Mode)}
	case operations.Decrypt:
		return keys.CipherOptions{Mode: string(op.Mode)}
	default:
		return keys.CipherOptions{}
	}
}
