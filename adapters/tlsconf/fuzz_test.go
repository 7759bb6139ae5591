package tlsconf_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"gatehouse/adapters/tlsconf"
)

// FuzzServer: whatever is in the file, it becomes settings or one line, soon.
func FuzzServer(f *testing.F) {
	ca := authority(f, "CA")
	cert, key := ca.pem(f)
	f.Add(append(cert, key...))
	for _, e := range []*pkcs12.Encoder{pkcs12.Modern2023, pkcs12.LegacyDES, pkcs12.Passwordless} {
		if e != pkcs12.Passwordless {
			e = e.WithIterations(1)
		}
		file, err := e.Encode(ca.key, ca.cert, nil, "")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "cert")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := tlsconf.Server(files(path, "", path))
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
		if err == nil && len(c.Config.Certificates) != 1 {
			t.Errorf("no error and %d certificates", len(c.Config.Certificates))
		}
	})
}
