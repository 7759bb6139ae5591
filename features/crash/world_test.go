// Package crash_test kills the programs as kill -9 does, at moments that it
// picks by what passes between them, and looks at what is left after a restart.
package crash_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/features/markers"
	"gatehouse/features/relay"
	"gatehouse/simulators/killat"
	"gatehouse/simulators/lab"
	"gatehouse/simulators/softtoken"
)

// patience is how long tests wait for what takes a moment on a machine with
// nothing else to do.
const patience = 3 * time.Minute

// grace is how long the service gives the HSM to finish what was interrupted.
const grace = 3 * time.Second

// programs builds the programs into a folder, once for all tests.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "gatehouse-crash-*")
	if err == nil {
		built.Store(&dir)
		err = lab.Build(context.Background(), dir)
	}
	return dir, err
})

// built is the folder, once it is there.
var built atomic.Pointer[string]

// TestMain removes the programs in the end.
func TestMain(m *testing.M) {
	status := m.Run()
	if dir := built.Load(); dir != nil {
		_ = os.RemoveAll(*dir) // of temporary files
	}
	os.Exit(status)
}

// world is the programs as they ship over a SoftHSM2 token, with a relay on
// either side of the service.
type world struct {
	t         *testing.T
	lab       *lab.Lab
	rest, hmg *relay.Relay // client to service, service to gateway
	transport *http.Transport
	book      *markers.Book     // secrets to look for in what the crashes leave
	trap      *killat.Trap      // of the service
	token     inToken           // as somebody else sees it
	link      dsmwire.HmgConfig // to the token, all but its address
	admin     *dsmclient.Client
	app       *dsmclient.Client
	group     dsmwire.Group
	duration  time.Duration // of an order that nothing disturbs
	made      int           // keys that were ordered under load
}

// inToken is what somebody else does with a token directly.
type inToken interface{ Objects() ([]hsm.Object, error) }

// newWorld is a world over SoftHSM2.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := newService(t)
	ctx := t.Context()
	softtoken.Need(t, w.lab.MakeToken(ctx))
	module, err := softtoken.LoadModule(w.lab.Token)
	must(t, err)
	t.Cleanup(func() { _ = module.Close() }) // the token is removed next
	w.token, err = module.Application(w.lab.Token)
	must(t, err)
	must(t, w.lab.StartGateway(ctx))
	w.hmg = w.relay(w.lab.Gateway.Address)
	files := w.lab.Gateway.TLS
	ca, err := os.ReadFile(files.CA)
	must(t, err)
	cert, err := os.ReadFile(files.ClientCert)
	must(t, err)
	key, err := os.ReadFile(files.ClientKey)
	must(t, err)
	slot := uint64(w.lab.Token.Slot)
	w.link = linked(slot, w.lab.Token.PIN, ca, cert, key)
	w.connect()
	return w
}

// newService starts the service, into which a trap is built.
func newService(t *testing.T) *world {
	t.Helper()
	t.Setenv("GATEHOUSE_RECOVER_EVERY", "200ms")
	t.Setenv("GATEHOUSE_RECOVERY_GRACE", grace.String())
	dir, err := programs()
	must(t, err)
	trap, err := killat.New(t.Context(), t.TempDir())
	must(t, err)
	t.Cleanup(func() { _ = trap.Close() }) // it is removed next
	l, err := lab.New(lab.Options{Dir: t.TempDir(), Programs: dir, PIN: "pin-" + rand.Text(), Empty: true, Service: trap.Env()})
	must(t, err)
	w := &world{t: t, lab: l, book: markers.New(), trap: trap}
	t.Cleanup(w.end)
	must(t, l.StartService(t.Context()))
	w.rest = w.relay(l.Service.Endpoint[len("https://"):])
	return w
}

// linked describes a link to a slot, trusting a CA (DER or PEM) and showing a
// certificate.
func linked(slot uint64, pin string, ca, cert, key []byte) dsmwire.HmgConfig {
	check := true
	return dsmwire.HmgConfig{
		Kind: "Softhsm", Slot: &slot, PIN: dsmwire.NewSecretText(secret.FromString(pin)),
		TLS: &dsmwire.TLSConfig{
			Mode: "required", ValidateHostname: &check, CA: &dsmwire.CAConfig{Pinned: [][]byte{ca}},
			ClientCert: cert, ClientKey: dsmwire.NewSecretBytes(secret.New(key)),
		},
	}
}

// end ends the programs; they must have lived until now, but for crashes on purpose.
func (w *world) end() {
	if w.lab == nil {
		return
	}
	if err := w.lab.Close(); err != nil {
		w.t.Errorf("ending the programs: %v", err)
	}
	if w.t.Failed() {
		w.tell()
	}
	w.lab = nil
}

// tell logs what the programs have warned of.
func (w *world) tell() {
	w.t.Helper()
	logs, err := filepath.Glob(filepath.Join(w.lab.Dir, "*.log"))
	if err != nil {
		w.t.Error(err)
	}
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			w.t.Error(err)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.Contains(line, "level=INFO") {
				w.t.Logf("%s: %s", filepath.Base(log), strings.TrimSpace(line))
			}
		}
	}
}

func (w *world) relay(to string) *relay.Relay {
	w.t.Helper()
	r, err := relay.New(w.t.Context(), to)
	must(w.t, err)
	w.t.Cleanup(func() { must(w.t, r.Close()) })
	return r
}

// signIn makes an administrator's client.
func (w *world) signIn() {
	w.t.Helper()
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(w.lab.Service.CA)
	must(w.t, err)
	roots.AppendCertsFromPEM(pem)
	w.transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 64}
	w.t.Cleanup(w.transport.CloseIdleConnections)
	w.admin = w.client(dsmclient.Config{User: w.lab.Service.Email, Password: secret.FromString(w.lab.Service.Password)})
	accounts, err := w.admin.Accounts(w.t.Context())
	must(w.t, err)
	must(w.t, w.admin.SelectAccount(w.t.Context(), accounts[0].AcctID))
}

// linkedGroup makes a group over a link to the HSM.
func (w *world) linkedGroup(name string, link dsmwire.HmgConfig) dsmwire.Group {
	w.t.Helper()
	link.URL = w.hmg.Address()
	g, err := w.admin.CreateGroup(w.t.Context(), dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{link}})
	must(w.t, err)
	return g
}

// connect makes a group in the token, and an application that uses it.
func (w *world) connect() {
	w.t.Helper()
	ctx := w.t.Context()
	w.signIn()
	w.group = w.linkedGroup("Payments", w.link)
	app := "billing"
	a, err := w.admin.CreateApp(ctx, dsmwire.AppRequest{Name: &app, AddGroups: dsmwire.AppGroups{IDs: []string{w.group.GroupID}}})
	must(w.t, err)
	apiKey, err := w.admin.AppAPIKey(ctx, a.AppID)
	must(w.t, err)
	w.app = w.client(dsmclient.Config{APIKey: apiKey})
}

func (w *world) client(cfg dsmclient.Config) *dsmclient.Client {
	w.t.Helper()
	cfg.Endpoint, cfg.Transport = "https://"+w.rest.Address(), w.book.Transport(w.transport)
	c, err := dsmclient.New(cfg)
	must(w.t, err)
	_, err = c.Login(w.t.Context())
	must(w.t, err)
	return c
}

// objects returns what is in the token, and how many objects beside it SoftHSM2
// was just making when it was killed with the gateway: they have neither
// CKA_ID nor CKA_LABEL nor material, and are no keys for a sync.
func (w *world) objects() (objects []hsm.Object, halfMade int) {
	w.t.Helper()
	all, err := w.token.Objects()
	must(w.t, err)
	for _, o := range all {
		if len(o.ID) == 0 && len(o.Label) == 0 {
			halfMade++
		} else {
			objects = append(objects, o)
		}
	}
	return objects, halfMade
}

// whole is agree where nobody who makes keys was killed: then there is none half
// made.
func (w *world) whole() {
	w.t.Helper()
	if n := w.agree(); n != 0 {
		w.t.Errorf("got %d objects half made, though the gateway lived", n)
	}
}

// agree fails the test unless the token and the service hold the same keys,
// each whole, one by one and in the eyes of a sync.
func (w *world) agree() (halfMade int) {
	w.t.Helper()
	objects, halfMade := w.objects()
	out, err := w.admin.Sync(w.t.Context(), w.group.GroupID, nil)
	must(w.t, err)
	if len(out.Added) != 0 || out.Missing != 0 || len(out.Warnings) != 0 {
		w.t.Errorf("a sync finds %d new keys and %d missing ones, and has the warnings %v; want none",
			len(out.Added), out.Missing, out.Warnings)
	}
	inToken, publics := map[string]int{}, map[string]int{}
	for _, o := range objects {
		name := fmt.Sprintf("%q with the id %x", o.Label, o.ID)
		switch o.Class {
		case hsm.SecretKey:
			inToken[name]++
		case hsm.PrivateKey:
			inToken[name]++
			publics[name]--
		case hsm.PublicKey:
			publics[name]++
		default:
			w.t.Errorf("the token holds a %s", o.Class)
		}
	}
	for name, n := range publics {
		if n != 0 {
			w.t.Errorf("the key %s has %+d public halves more than private ones", name, n)
		}
	}
	must(w.t, w.admin.AllKeys(w.t.Context(), dsmclient.KeyQuery{GroupID: w.group.GroupID}, func(k dsmwire.Sobject) error {
		if err := w.use(k); err != nil {
			w.t.Errorf("the key %q cannot be used: %v", k.Name, err)
		}
		inToken[fmt.Sprintf("%q with the id %x", k.External.ID.Label, k.External.ID.ID)]--
		return nil
	}))
	if len(inToken) == 0 {
		w.t.Error("there are no keys to compare")
	}
	for name, n := range inToken {
		switch {
		case n > 0:
			w.t.Errorf("orphan in the token: %s", name)
		case n < 0:
			w.t.Errorf("dangling virtual key: %s", name)
		}
	}
	return halfMade
}

// use does something with a key, which it can only with its material.
func (w *world) use(k dsmwire.Sobject) error {
	key := &dsmwire.SobjectDescriptor{KID: k.KID}
	if k.ObjType == "AES" {
		_, err := w.app.Encrypt(w.t.Context(), dsmwire.EncryptRequest{Key: key, Alg: "AES", Mode: &dsmwire.Mode{Name: "CBC"}, Plain: []byte("x")})
		return err
	}
	_, err := w.app.Sign(w.t.Context(), dsmwire.SignRequest{Key: key, HashAlg: "SHA256", Data: []byte("x")})
	return err
}

// noSecrets looks for secrets in the logs and in the database.
func (w *world) noSecrets() {
	w.t.Helper()
	logs, err := filepath.Glob(filepath.Join(w.lab.Dir, "*.log"))
	must(w.t, err)
	database, err := filepath.Glob(filepath.Join(w.lab.Service.Data, "*.db*"))
	must(w.t, err)
	if len(logs) < 2 || len(database) == 0 {
		w.t.Fatalf("got the logs %q and the database %q, want both", logs, database)
	}
	found, err := w.book.Files(append(logs, database...)...)
	must(w.t, err)
	for _, f := range found {
		w.t.Error(f)
	}
}

// eventually calls try until it is content, or fails the test.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("%s: %v", what, err)
		case <-t.Context().Done():
			t.Fatalf("%s: %v", what, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// copyOf copies the service's data as the crash has left it.
func (w *world) copyOf() string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "data")
	must(w.t, os.CopyFS(dir, os.DirFS(w.lab.Service.Data)))
	must(w.t, os.Chmod(filepath.Join(dir, "master.key"), 0o600))
	return dir
}
