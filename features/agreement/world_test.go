package agreement_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
	"gatehouse/features/agreement"
	"gatehouse/features/agreement/circl"
	"gatehouse/features/agreement/gostd"
	"gatehouse/features/agreement/opensc"
	"gatehouse/features/agreement/openssl"
	"gatehouse/features/agreement/service"
	"gatehouse/features/agreement/task"
	"gatehouse/simulators/lab"
	labtool "gatehouse/simulators/lab/opensc"
	"gatehouse/simulators/softtoken"
)

// world is the programs as they ship, over a SoftHSM2 token, and everybody that
// they are compared with.
type world struct {
	agreement.Comparison

	openssl *openssl.Party
	tool    *opensc.Party
}

func newWorld(t *testing.T, ring agreement.Ring) world {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		softtoken.Need(t, err)
	}
	programs := filepath.Join(dir, "programs")
	must(lab.Build(t.Context(), programs))
	pin, err := rand.Int(rand.Reader, big.NewInt(1e9))
	must(err)
	l, err := lab.Start(t.Context(), lab.Options{Dir: filepath.Join(dir, "lab"), Programs: programs, PIN: "7" + pin.String(), Empty: true})
	must(err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("ending the lab: %v", err)
		}
	})
	tool, err := labtool.New(l.Token)
	must(err)

	ordinary, hsm := groups(t, l)
	w := world{openssl: &openssl.Party{Dir: folder(t, dir, "openssl")}, tool: &opensc.Party{Tool: tool, Dir: folder(t, dir, "tool"), ID: hsm.CKAID}}
	hsm.Judge, hsm.KEK = w.openssl, ring.Key("AES", 256)
	w.Service = map[agreement.Kind]task.Party{agreement.Ordinary: ordinary, agreement.HSM: hsm}
	w.Peers = map[agreement.Peer]task.Party{
		agreement.OpenSSL: w.openssl, agreement.Go: &gostd.Party{}, agreement.Tool: w.tool, agreement.CIRCL: circl.Party{},
	}
	return w
}

func folder(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// groups makes a group of each kind, and an app that may do everything in it.
func groups(t *testing.T, l *lab.Lab) (ordinary, hsm *service.Group) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(file string) []byte {
		t.Helper()
		b, err := os.ReadFile(file)
		must(err)
		return b
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read(l.Service.CA)) {
		t.Fatal("the service has no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 16}
	admin, err := dsmclient.New(dsmclient.Config{
		Endpoint: l.Service.Endpoint, Transport: transport, User: l.Service.Email, Password: secret.FromString(l.Service.Password),
	})
	must(err)
	t.Cleanup(admin.Close)
	_, err = admin.Login(t.Context())
	must(err)
	accounts, err := admin.Accounts(t.Context())
	must(err)
	must(admin.SelectAccount(t.Context(), accounts[0].AcctID))

	ca, _ := pem.Decode(read(l.Gateway.TLS.CA))
	yes, slot := true, uint64(l.Token.Slot)
	made := map[string]*service.Group{}
	for name, r := range map[string]dsmwire.GroupRequest{
		"ordinary": {},
		"hsm": {HmgSync: &yes, AddHmg: []dsmwire.HmgConfig{{
			Kind: "Softhsm", URL: l.Gateway.Address, Slot: &slot, PIN: dsmwire.NewSecretText(secret.FromString(l.Token.PIN)),
			TLS: &dsmwire.TLSConfig{
				Mode: "required", ValidateHostname: &yes, CA: &dsmwire.CAConfig{Pinned: [][]byte{ca.Bytes}},
				ClientCert: read(l.Gateway.TLS.ClientCert), ClientKey: dsmwire.NewSecretBytes(secret.New(read(l.Gateway.TLS.ClientKey))),
			},
		}}},
	} {
		r.Name = &name
		group, err := admin.CreateGroup(t.Context(), r)
		must(err)
		app, err := admin.CreateApp(t.Context(), dsmwire.AppRequest{Name: &name, DefaultGroup: &group.GroupID, AddGroups: dsmwire.AppGroups{Permissions: map[string][]string{
			group.GroupID: {
				"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "DERIVEKEY", "AGREEKEY", "MACGENERATE", "MACVERIFY",
				"EXPORT", "MANAGE", "ENCAPSULATE", "DECAPSULATE",
			},
		}}})
		must(err)
		key, err := admin.AppAPIKey(t.Context(), app.AppID)
		must(err)
		c, err := dsmclient.New(dsmclient.Config{Endpoint: l.Service.Endpoint, Transport: transport, APIKey: key})
		must(err)
		t.Cleanup(c.Close)
		_, err = c.Login(t.Context())
		must(err)
		made[name] = &service.Group{Client: c, ID: group.GroupID, HSM: name == "hsm"}
	}
	return made["ordinary"], made["hsm"]
}
