//go:build packages

package installed_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab/ports"
)

const (
	gatewayFile = "/etc/default/gatehouse-hmg"
	serviceFile = "/etc/default/gatehouse"
)

// TestDebian is the life of both packages on one machine, in order.
func TestDebian(t *testing.T) {
	m := boot(t)
	before := m.inventory(t)
	debs := packages(t, "deb")
	for name, file := range debs {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m.write(t, "/root/"+name+".deb", string(data))
	}
	w := &world{machine: m, ports: keepPorts(t, 4)}
	done := t.Run("install", w.install) &&
		t.Run("start nothing by itself", w.startNothing) &&
		t.Run("verify the units", w.verifyUnits) &&
		t.Run("refuse a wrong configuration", w.refuse) &&
		t.Run("start the gateway", w.startGateway) &&
		t.Run("start the service", w.startService) &&
		t.Run("confine both", w.confine) &&
		t.Run("sign through both", w.sign) &&
		t.Run("reload", w.reload) &&
		t.Run("come back after a crash", w.crash) &&
		t.Run("sign with the drop-ins", w.dropIns) &&
		t.Run("upgrade while running", w.upgrade) &&
		t.Run("remove, and keep what is not the package's", w.remove) &&
		t.Run("purge", w.purge)
	if !done {
		t.Fatalf("journal:\n%s", must(m.try("journalctl", "--no-pager", "-n", "80", "-u", "gatehouse-hmg", "-u", "gatehouse")))
	}
	if left := added(before, m.inventory(t)); len(left) > 0 {
		slices.Sort(left)
		t.Errorf("a purge leaves %q", left)
	}
}

func must(out string, _ error) string { return out }

// world is what the steps share.
type world struct {
	*machine

	ports    []int // service, health, health over TLS, REST
	endpoint string
	roots    *x509.CertPool
	admin    *dsmclient.Client
	app      *dsmclient.Client
	group    dsmwire.Group
	key      dsmwire.Sobject
	password string
}

func keepPorts(t *testing.T, n int) (numbers []int) {
	t.Helper()
	for range n {
		numbers = append(numbers, ports.For(t).Number)
	}
	return numbers
}

func (w *world) install(t *testing.T) {
	w.run(t, "dpkg", "-i", "/root/gatehouse-hmg.deb", "/root/gatehouse.deb")
	w.run(t, "dpkg", "--configure", "-a")
	for _, name := range []string{"gatehouse-hmg", "gatehouse"} {
		if got := w.sh(t, "getent passwd "+name+" | cut -d: -f6,7"); got != "/var/lib/"+name+":/usr/sbin/nologin\n" {
			t.Errorf("user %s: got %q", name, got)
		}
		if got := w.sh(t, "stat -c '%U:%G %a' /etc/"+name+"/pki /etc/default/"+name); got != "root:"+name+" 750\nroot:root 640\n" {
			t.Errorf("folders of %s: got %q", name, got)
		}
		if got := w.run(t, "dpkg", "--verify", name); got != "" {
			t.Errorf("dpkg finds changes: %s", got)
		}
		script := "/var/lib/dpkg/info/" + name + ".postinst"
		w.run(t, script, "configure", "") // again: nothing changes
	}
}

func (w *world) startNothing(t *testing.T) {
	for _, name := range []string{"gatehouse-hmg", "gatehouse"} {
		if got := w.property(t, name, "ActiveState") + " " + w.property(t, name, "UnitFileState"); got != "inactive disabled" {
			t.Errorf("%s: got %s, want inactive disabled", name, got)
		}
	}
}

func (w *world) verifyUnits(t *testing.T) {
	if out := w.run(t, "systemd-analyze", "verify", "--man=no", "/usr/lib/systemd/system/gatehouse-hmg.service", "/usr/lib/systemd/system/gatehouse.service"); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	for _, name := range []string{"gatehouse-hmg", "gatehouse"} {
		out := w.run(t, "systemd-analyze", "security", "--no-pager", "--threshold=25", name)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		t.Log(name, lines[len(lines)-1])
	}
}

// refuse: a start without certificate and library tells both, and is not tried again.
func (w *world) refuse(t *testing.T) {
	if out, err := w.try("systemctl", "start", "gatehouse-hmg"); err == nil {
		t.Fatalf("it starts without configuration: %s", out)
	}
	if got := w.property(t, "gatehouse-hmg", "ExecMainStatus") + " " + w.property(t, "gatehouse-hmg", "ActiveState") + " " + w.property(t, "gatehouse-hmg", "NRestarts"); got != "78 failed 0" {
		t.Errorf("got %s, want 78 failed 0", got)
	}
	var lines []string
	for line := range strings.Lines(w.run(t, "journalctl", "-o", "cat", "-u", "gatehouse-hmg")) {
		if strings.HasPrefix(line, "gatehouse-hmg: ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) != 2 || !strings.Contains(lines[0], "CERT_FILE: cannot read /etc/gatehouse-hmg/pki/cert.p12") || !strings.Contains(lines[1], "PKCS11_LIB_PATH is not set") {
		t.Errorf("the journal has %q", lines)
	}
	w.run(t, "systemctl", "reset-failed", "gatehouse-hmg")
}

const certificates = `cd /etc/gatehouse-hmg/pki
new() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout "$1.key" -out "$1.pem" -subj "/CN=$1" "${@:2}" 2>&1; }
new ca
new gateway -CA ca.pem -CAkey ca.key -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE
new client -CA ca.pem -CAkey ca.key -addext extendedKeyUsage=clientAuth -addext basicConstraints=critical,CA:FALSE
openssl pkcs12 -export -inkey gateway.key -in gateway.pem -out cert.p12 -passout pass:word
echo word >password
rm gateway.key ca.key`

func (w *world) startGateway(t *testing.T) {
	w.run(t, "bash", "-euc", certificates)
	w.write(t, "/etc/gatehouse-hmg/softhsm2.conf", "directories.tokendir = /var/lib/gatehouse-hmg/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
	w.set(t, gatewayFile, map[string]string{
		"CA_FILE": "/etc/gatehouse-hmg/pki/ca.pem", "CERT_PASSWORD_FILE": "/etc/gatehouse-hmg/pki/password", "PKCS11_LIB_PATH": "/usr/lib/softhsm/libsofthsm2.so",
		"HMG_LISTEN_ADDRESS": "127.0.0.1", "HMG_LISTEN_PORT": strconv.Itoa(w.ports[0]),
		"HMG_HEALTH_PORT": strconv.Itoa(w.ports[1]), "HMG_HEALTH_TLS_PORT": strconv.Itoa(w.ports[2]), "SOFTHSM2_CONF": "/etc/gatehouse-hmg/softhsm2.conf",
	})
	// The certificate is root's alone so far: the gateway's user may not read it.
	w.sh(t, "chmod 600 /etc/gatehouse-hmg/pki/cert.p12")
	if out, err := w.try("systemctl", "start", "gatehouse-hmg"); err == nil {
		t.Fatalf("it starts without its certificate: %s", out)
	}
	if log := w.run(t, "journalctl", "-o", "cat", "-n", "20", "-u", "gatehouse-hmg"); !strings.Contains(log, "CERT_FILE: cannot read /etc/gatehouse-hmg/pki/cert.p12: permission denied for user gatehouse-hmg") {
		t.Errorf("the journal does not tell who may not read:\n%s", log)
	}
	w.sh(t, `cd /etc/gatehouse-hmg/pki; chgrp gatehouse-hmg cert.p12 ca.pem password; chmod 640 cert.p12 ca.pem password; chmod 644 ../softhsm2.conf
		install -d -o gatehouse-hmg -g gatehouse-hmg -m 700 /var/lib/gatehouse-hmg /var/lib/gatehouse-hmg/tokens
		setpriv --reuid gatehouse-hmg --regid gatehouse-hmg --clear-groups env SOFTHSM2_CONF=/etc/gatehouse-hmg/softhsm2.conf \
			softhsm2-util --init-token --free --label production --so-pin 5678 --pin 1234
		gatehouse-hmg --config-file /etc/default/gatehouse-hmg config check`)
	w.run(t, "systemctl", "enable", "--now", "gatehouse-hmg")
	if got := w.property(t, "gatehouse-hmg", "ActiveState"); got != "active" {
		t.Errorf("got %s, want active", got)
	}
	w.healthy(t)
	if log := w.run(t, "journalctl", "-o", "cat", "-u", "gatehouse-hmg"); strings.Contains(log, "word\n") {
		t.Errorf("the journal holds the password:\n%s", log)
	}
}

// healthy waits for 204 of both health checks.
func (w *world) healthy(t *testing.T) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	for _, url := range []string{fmt.Sprintf("http://127.0.0.1:%d/health", w.ports[1]), fmt.Sprintf("https://127.0.0.1:%d/health", w.ports[2])} {
		w.await(t, url, func() error {
			answer, err := client.Get(url)
			if err != nil {
				return err
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusNoContent {
				return errors.New(answer.Status)
			}
			return nil
		})
	}
}

func (w *world) startService(t *testing.T) {
	w.set(t, serviceFile, map[string]string{"GATEHOUSE_LISTEN": fmt.Sprintf("127.0.0.1:%d", w.ports[3])})
	w.run(t, "systemctl", "enable", "--now", "gatehouse")
	const file = "/var/lib/gatehouse/first-password"
	if got := w.sh(t, "stat -c '%U:%G %a' /var/lib/gatehouse "+file); got != "gatehouse:gatehouse 700\ngatehouse:gatehouse 600\n" {
		t.Errorf("data folder and password: got %q", got)
	}
	_, after, found := strings.Cut(w.read(t, file), "\npassword: ")
	if w.password = strings.TrimSpace(after); !found || w.password == "" {
		t.Fatal("there is no first password")
	}
	log := w.run(t, "journalctl", "-o", "cat", "-u", "gatehouse")
	if strings.Contains(log, w.password) || !strings.Contains(log, file) {
		t.Errorf("the journal holds the password, or does not tell of its file:\n%s", log)
	}
	w.sh(t, "rm "+file)
	w.endpoint, w.roots = fmt.Sprintf("https://127.0.0.1:%d", w.ports[3]), x509.NewCertPool()
	certs, err := filepath.Glob(filepath.Join(w.Root, "var/lib/gatehouse/tls/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range certs {
		if text, err := os.ReadFile(c); err == nil {
			w.roots.AppendCertsFromPEM(text)
		}
	}
	w.admin, err = dsmclient.New(dsmclient.Config{
		Endpoint: w.endpoint, Roots: w.roots, User: "admin@gatehouse.example", Password: secret.FromString(w.password),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.admin.Health(t.Context()); err != nil {
		t.Error(err)
	}
}

// confine looks at the processes, not at the units.
func (w *world) confine(t *testing.T) {
	for _, name := range []string{"gatehouse-hmg", "gatehouse"} {
		pid := w.property(t, name, "MainPID")
		status := w.sh(t, "grep -E '^(NoNewPrivs|CapEff|CapBnd|Seccomp):' /proc/"+pid+"/status | tr -d '\\t'; grep 'core file' /proc/"+pid+"/limits; stat -c %U /proc/"+pid)
		for _, want := range []string{"NoNewPrivs:1\n", "CapEff:0000000000000000\n", "CapBnd:0000000000000000\n", "Seccomp:2\n", "\n" + name + "\n"} {
			if !strings.Contains(status, want) {
				t.Errorf("%s: got %q, want %q in it", name, status, want)
			}
		}
		if !strings.Contains(strings.Join(strings.Fields(status), " "), "Max core file size 0 0") {
			t.Errorf("%s may dump core: %q", name, status)
		}
		inside := "nsenter -t " + pid + " -m -- "
		for _, path := range []string{"/etc/x", "/usr/x", "/var/lib/x", "/opt/x"} {
			if out, err := w.try("sh", "-c", inside+"touch "+path); err == nil {
				t.Errorf("%s may write %s %s", name, path, out)
			}
		}
		w.sh(t, inside+"touch /var/lib/"+name+"/x; rm /var/lib/"+name+"/x")
	}
}

func (w *world) sign(t *testing.T) {
	var slots []struct {
		ID    uint64 `json:"id"`
		State string `json:"state"`
		Label string `json:"label"`
	}
	text := w.sh(t, "setpriv --reuid gatehouse-hmg --regid gatehouse-hmg --clear-groups env PKCS11_LIB_PATH=/usr/lib/softhsm/libsofthsm2.so SOFTHSM2_CONF=/etc/gatehouse-hmg/softhsm2.conf gatehouse-hmg slots --json")
	if err := json.Unmarshal([]byte(text), &slots); err != nil || len(slots) == 0 {
		t.Fatalf("slots: %v: %s", err, text)
	}
	ca, _ := pem.Decode([]byte(w.read(t, "/etc/gatehouse-hmg/pki/ca.pem")))
	validate, name := true, "HSM"
	if _, err := w.admin.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	memberships, err := w.admin.Memberships(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for account := range memberships {
		if err := w.admin.SelectAccount(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	w.group, err = w.admin.CreateGroup(t.Context(), dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{{
		Kind: "Softhsm", URL: fmt.Sprintf("127.0.0.1:%d", w.ports[0]), Slot: &slots[0].ID, PIN: dsmwire.NewSecretText(secret.FromString("1234")),
		TLS: &dsmwire.TLSConfig{
			Mode: "required", ValidateHostname: &validate, CA: &dsmwire.CAConfig{Pinned: [][]byte{ca.Bytes}},
			ClientCert: []byte(w.read(t, "/etc/gatehouse-hmg/pki/client.pem")),
			ClientKey:  dsmwire.NewSecretBytes(secret.FromString(w.read(t, "/etc/gatehouse-hmg/pki/client.key"))),
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	key, application, permissions := "key", "application", []string{"SIGN", "VERIFY", "MANAGE"}
	made, err := w.admin.CreateApp(t.Context(), dsmwire.AppRequest{
		Name: &application, DefaultGroup: &w.group.GroupID, AddGroups: dsmwire.AppGroups{Permissions: map[string][]string{w.group.GroupID: permissions}},
	})
	if err != nil {
		t.Fatal(err)
	}
	apiKey, err := w.admin.AppAPIKey(t.Context(), made.AppID)
	if err != nil {
		t.Fatal(err)
	}
	if w.app, err = dsmclient.New(dsmclient.Config{Endpoint: w.endpoint, Roots: w.roots, APIKey: apiKey}); err != nil {
		t.Fatal(err)
	}
	w.key, err = w.app.Generate(t.Context(), dsmwire.SobjectRequest{
		Name: &key, GroupID: &w.group.GroupID, ObjType: "EC", EllipticCurve: "NistP256", KeyOps: &[]string{"SIGN", "VERIFY", "APPMANAGEABLE"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.key.External == nil {
		t.Error("the key is not in the HSM")
	}
	if err := w.signs(t); err != nil {
		t.Error(err)
	}
	w.healthy(t)
}

// signs signs through the service and the gateway, and verifies here.
func (w *world) signs(t *testing.T) error {
	t.Helper()
	data := []byte(time.Now().String())
	got, err := w.app.Sign(t.Context(), dsmwire.SignRequest{Key: &dsmwire.SobjectDescriptor{KID: w.key.KID}, HashAlg: "SHA256", Data: data})
	if err != nil {
		return err
	}
	public, err := x509.ParsePKIXPublicKey(w.key.PubKey)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(data)
	if k, ok := public.(*ecdsa.PublicKey); !ok || !ecdsa.VerifyASN1(k, digest[:], got.Signature) {
		t.Fatal("the signature is not the key's")
	}
	return nil
}

func (w *world) reload(t *testing.T) {
	for _, name := range []string{"gatehouse-hmg", "gatehouse"} {
		pid := w.property(t, name, "MainPID")
		w.run(t, "systemctl", "reload", name)
		if got := w.property(t, name, "MainPID"); got != pid {
			t.Errorf("%s: a reload changes the process from %s to %s", name, pid, got)
		}
	}
	if err := w.signs(t); err != nil {
		t.Error(err)
	}
}

func (w *world) crash(t *testing.T) {
	pid := w.property(t, "gatehouse-hmg", "MainPID")
	began := time.Now()
	w.run(t, "kill", "-9", pid)
	w.await(t, "the gateway signs again", func() error { return w.signs(t) })
	if got := w.property(t, "gatehouse-hmg", "MainPID"); got == pid || got == "0" {
		t.Errorf("the gateway's process: got %s", got)
	}
	t.Logf("signs again %s after a kill -9", time.Since(began).Round(time.Millisecond))
}

// dropIns: the examples are units that work, and give what they say.
func (w *world) dropIns(t *testing.T) {
	const folder = "/etc/systemd/system/gatehouse-hmg.service.d"
	w.sh(t, "mkdir -p "+folder+" /opt/nfast/kmdata/local; groupadd -r nfast; groupadd -r hsmusers")
	if err := os.MkdirAll(fmt.Sprintf("/proc/%d/root/dev/nfast", w.Leader), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, check := range map[string]string{
		"no-writable-code": "true", "device": "true", "luna": "true", "nshield": "test -d /dev/nfast && touch /opt/nfast/kmdata/local/x",
	} {
		w.sh(t, "cp /usr/share/doc/gatehouse-hmg/examples/"+name+".conf "+folder+"; systemctl daemon-reload; systemctl reset-failed gatehouse-hmg; systemctl restart gatehouse-hmg")
		w.await(t, "signing with "+name, func() error { return w.signs(t) })
		w.sh(t, "nsenter -t "+w.property(t, "gatehouse-hmg", "MainPID")+" -m -- sh -c '"+check+"'; rm "+folder+"/*")
	}
	w.sh(t, "rm -r "+folder+" /opt/nfast; rmdir /dev/nfast; groupdel nfast; groupdel hsmusers; systemctl daemon-reload; systemctl reset-failed gatehouse-hmg; systemctl restart gatehouse-hmg")
	w.await(t, "signing without them", func() error { return w.signs(t) })
}

func (w *world) upgrade(t *testing.T) {
	pid := w.property(t, "gatehouse-hmg", "MainPID")
	w.run(t, "dpkg", "-i", "/root/gatehouse-hmg.deb", "/root/gatehouse.deb")
	for _, name := range []string{"gatehouse-hmg", "gatehouse"} {
		if got := w.property(t, name, "ActiveState") + " " + w.property(t, name, "UnitFileState"); got != "active enabled" {
			t.Errorf("%s after an upgrade: got %s", name, got)
		}
	}
	if w.property(t, "gatehouse-hmg", "MainPID") == pid {
		t.Error("the former program still runs")
	}
	if !strings.Contains(w.read(t, gatewayFile), "\nHMG_LISTEN_PORT="+strconv.Itoa(w.ports[0])+"\n") {
		t.Error("the settings are lost")
	}
	w.await(t, "sign after the upgrade", func() error { return w.signs(t) })
}

func (w *world) remove(t *testing.T) {
	w.run(t, "dpkg", "-r", "gatehouse-hmg", "gatehouse")
	for _, name := range []string{"gatehouse-hmg", "gatehouse"} {
		if out, err := w.try("pgrep", "-u", name); err == nil {
			t.Errorf("processes of %s still run: %s", name, out)
		}
		if out, err := w.try("sh", "-c", "ls /etc/systemd/system/*/"+name+".service"); err == nil {
			t.Errorf("%s is still enabled: %s", name, out)
		}
		w.sh(t, "test -d /var/lib/"+name+" && test -f /etc/default/"+name+" && getent passwd "+name)
	}
	w.sh(t, "test -s /var/lib/gatehouse/gatehouse.db && test -s /var/lib/gatehouse/master.key && test -s /etc/gatehouse-hmg/pki/cert.p12")
}

func (w *world) purge(t *testing.T) {
	if out := w.run(t, "dpkg", "-P", "gatehouse-hmg", "gatehouse"); strings.Contains(out, "warning") {
		t.Errorf("dpkg -P: %s", out)
	}
	w.run(t, "rm", "/root/gatehouse-hmg.deb", "/root/gatehouse.deb")
}
