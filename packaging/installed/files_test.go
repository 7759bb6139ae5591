//go:build packages

package installed_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	debian "gatehouse/packaging/machine"
)

// TestRPM looks at contents, requirements and scripts, and installs and erases
// the packages in a machine that does not run.
func TestRPM(t *testing.T) {
	rpms := packages(t, "rpm")
	query := func(file string, args ...string) string {
		return command(t, "rpm", append(append([]string{"-qp"}, args...), file)...)
	}
	for name, file := range rpms {
		files := strings.Fields(query(file, "--list"))
		slices.Sort(files)
		if diff := cmp.Diff(debian.Contents(name), files); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", name, diff)
		}
		if got := strings.TrimSpace(query(file, "--configfiles")); got != "/etc/default/"+name {
			t.Errorf("%s: configuration files: got %q", name, got)
		}
		for _, line := range strings.Split(strings.TrimSpace(query(file, "--requires")), "\n") {
			if !regexp.MustCompile(`^(systemd|libc\.so\.6(\(GLIBC_2\.[0-9.]+\)|\(\))\(64bit\)|rpmlib\(.*|/bin/sh)( .*)?$`).MatchString(line) {
				t.Errorf("%s requires %q", name, line)
			}
		}
		info := query(file, "-i")
		for _, want := range []string{"Name        : " + name + "\n", "License     : Apache-2.0\n", "Architecture: "} {
			if !strings.Contains(info, want) {
				t.Errorf("%s: the description lacks %q:\n%s", name, want, info)
			}
		}
		scripts := query(file, "--scripts")
		for _, want := range []string{"postinstall", "preuninstall", "postuninstall", "systemd-sysusers " + name + ".conf", "systemctl stop " + name + ".service", "try-restart " + name + ".service"} {
			if !strings.Contains(scripts, want) {
				t.Errorf("%s: the scripts lack %q:\n%s", name, want, scripts)
			}
		}
		dir := t.TempDir()
		command(t, "sh", "-euc", "cd "+dir+" && rpm2cpio "+file+" | cpio -idm --quiet --no-absolute-filenames")
		for _, f := range debian.Contents(name) {
			if _, err := os.Lstat(filepath.Join(dir, f)); err != nil {
				t.Errorf("%s, unpacked: %v", name, err)
			}
		}
	}

	m := unpack(t)
	for name, file := range rpms {
		command(t, "rpm", "--root", m.Root, "--dbpath", "/root/rpm", "-i", "--nodeps", file)
		for _, base := range []string{"etc/passwd", "etc/group"} {
			if !strings.Contains(m.read(t, base), "\n"+name+":") {
				t.Errorf("%s has no entry for %s", base, name)
			}
		}
		if got := command(t, "chroot", m.Root, "stat", "-c", "%U:%G %a", "/etc/"+name+"/pki"); got != "root:"+name+" 750\n" {
			t.Errorf("%s: folder of certificates: got %q", name, got)
		}
		if out := command(t, "chroot", m.Root, "/usr/bin/"+name, "--version"); !strings.Contains(out, "0.") {
			t.Errorf("%s --version: got %q", name, out)
		}
		command(t, "chroot", m.Root, "systemctl", "enable", name)
		command(t, "rpm", "--root", m.Root, "--dbpath", "/root/rpm", "-e", name)
		for _, f := range []string{"/usr/bin/" + name, "/etc/systemd/system/multi-user.target.wants/" + name + ".service"} {
			if _, err := os.Lstat(filepath.Join(m.Root, f)); err == nil {
				t.Errorf("%s is left", f)
			}
		}
	}
}

// TestLintian: what Debian's checker finds has been mended, or overridden with
// its reason.
func TestLintian(t *testing.T) {
	for name, file := range packages(t, "deb") {
		if out := command(t, "lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", file); strings.TrimSpace(out) != "" {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}

// TestManualPages: they are there, hold what the program tells, and please
// mandoc and man.
func TestManualPages(t *testing.T) {
	for name, file := range packages(t, "deb") {
		dir := t.TempDir()
		command(t, "dpkg-deb", "-x", file, dir)
		for section, want := range map[string][]string{"8": {"config check", `\-\-log\-level`}, "5": {"_LOG_LEVEL", "Default: info"}} {
			f, err := os.Open(filepath.Join(dir, "usr/share/man/man"+section, name+"."+section+".gz"))
			if err != nil {
				t.Fatal(err)
			}
			z, err := gzip.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			page, err := io.ReadAll(z)
			_ = f.Close()
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range want {
				if !strings.Contains(string(page), w) {
					t.Errorf("%s(%s) lacks %q", name, section, w)
				}
			}
			if regexp.MustCompile(`@[A-Z]+@`).Match(page) {
				t.Errorf("%s(%s) was not filled in", name, section)
			}
			path := filepath.Join(dir, name+"."+section)
			if err := os.WriteFile(path, page, 0o600); err != nil {
				t.Fatal(err)
			}
			if out := command(t, "mandoc", "-T", "lint", "-W", "warning", path); out != "" {
				t.Errorf("%s(%s): %s", name, section, out)
			}
		}
	}
}

// TestReproducible: the same commit gives the same bytes.
func TestReproducible(t *testing.T) {
	again := filepath.Join(t.TempDir(), "again")
	build := command(t, "sh", "-euc", "cd ../.. && go run ./packaging/build -out "+again)
	files, err := filepath.Glob(filepath.Join(dist(t), "gatehouse*"))
	if err != nil || len(files) != 6 {
		t.Fatalf("got %q, %v, want six packages", files, err)
	}
	for _, file := range files {
		first, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(filepath.Join(again, filepath.Base(file)))
		if err != nil {
			t.Fatalf("%v\n%s", err, build)
		}
		if !bytes.Equal(first, second) {
			t.Errorf("%s differs when it is built again", filepath.Base(file))
		}
	}
}
