package machine

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Services are the packages of programs that run as services.
func Services() []string { return []string{"gatehouse-hmg", "gatehouse"} }

// Build makes the packages in the folder dist, from the module in the folder root.
func Build(ctx context.Context, root, dist string) error {
	_, err := Command(ctx, "sh", "-euc", `cd "$1" && go run ./packaging/build -out "$2"`, "sh", root, dist)
	return err
}

// Find returns the files in dist of a format, deb or rpm, by package.
func Find(dist, format string) (map[string]string, error) {
	found := map[string]string{}
	for _, name := range Services() {
		files, err := filepath.Glob(filepath.Join(dist, name+`[_\-][0-9]*.`+format))
		if err != nil {
			return nil, err
		}
		if len(files) != 1 {
			return nil, fmt.Errorf("%s: got %q, want one %s", name, files, format)
		}
		found[name] = files[0]
	}
	return found, nil
}

// Contents are the files of a package, in both formats.
func Contents(name string) []string {
	files := []string{
		Settings(name), "/etc/" + name, "/etc/" + name + "/pki", Program(name),
		Unit(name), "/usr/lib/sysusers.d/" + name + ".conf",
		"/usr/share/doc/" + name + "/changelog.gz", "/usr/share/doc/" + name + "/copyright",
		"/usr/share/man/man5/" + name + ".5.gz", "/usr/share/man/man8/" + name + ".8.gz",
	}
	if name == "gatehouse-hmg" {
		for _, example := range []string{"device", "luna", "no-writable-code", "nshield"} {
			files = append(files, "/usr/share/doc/"+name+"/examples/"+example+".conf")
		}
	}
	slices.Sort(files)
	return files
}

// Program is the program of a package.
func Program(name string) string { return "/usr/bin/" + name }

// Unit is its systemd unit.
func Unit(name string) string { return "/usr/lib/systemd/system/" + name + ".service" }

// Settings is its configuration file.
func Settings(name string) string { return "/etc/default/" + name }

// QueryRPM asks rpm about a package file.
func QueryRPM(ctx context.Context, file string, args ...string) (string, error) {
	if err := needs("rpm"); err != nil {
		return "", err
	}
	return Command(ctx, "rpm", append(append([]string{"-qp"}, args...), file)...)
}

// FilesOfRPM lists the files of a package file, in order.
func FilesOfRPM(ctx context.Context, file string) ([]string, error) {
	out, err := QueryRPM(ctx, file, "--list")
	files := strings.Fields(out)
	slices.Sort(files)
	return files, err
}
