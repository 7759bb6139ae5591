package packaging_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"gatehouse/app/assembly/hmg"
	"gatehouse/app/assembly/service"
)

// A file of settings has every variable of its program with the value that
// counts without it, and no other.
func TestSettingsFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		config  any
		set     map[string]string // what the file sets
		example map[string]string // values that stand there to be changed
		beside  []string          // what others read from the environment
	}{
		{
			"gatehouse-hmg",
			&hmg.Config{},
			map[string]string{"CERT_FILE": "/etc/gatehouse-hmg/pki/cert.p12"},
			map[string]string{"CA_FILE": "/etc/gatehouse-hmg/pki/ca.pem"},
			[]string{"SOFTHSM2_CONF"},
		},
		{"gatehouse", &service.Config{}, nil, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(c.name, "default"))
			if err != nil {
				t.Fatal(err)
			}
			lines := map[string]string{}
			for _, line := range regexp.MustCompile(`(?m)^(#?)([A-Z0-9_]+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
				name, value := line[2], line[3]
				if _, twice := lines[name]; twice {
					t.Errorf("%s stands there twice", name)
				}
				lines[name] = value
				if want, isSet := c.set[name]; isSet != (line[1] == "") || isSet && value != want {
					t.Errorf("%s is set: got %t, to %q, want %t", name, line[1] == "", value, isSet)
				}
			}
			parser, err := kong.New(c.config)
			if err != nil {
				t.Fatal(err)
			}
			known := slices.Clone(c.beside)
			for _, f := range parser.Model.Flags {
				for _, name := range f.Tag.Envs {
					known = append(known, name)
					got, there := lines[name]
					if _, isSet := c.set[name]; !there {
						t.Errorf("%s is missing: %s", name, f.Help)
					} else if got != f.Default && !isSet && got != c.example[name] {
						t.Errorf("%s: got %q, want the default, %q", name, got, f.Default)
					}
				}
			}
			if len(known) < 10 {
				t.Errorf("the program has %d variables only: are they read?", len(known))
			}
			for name := range lines {
				if !slices.Contains(known, name) {
					t.Errorf("%s is no variable of the program", name)
				}
			}
		})
	}
}

// TestUnits holds the units to what the settings say.
func TestUnits(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gatehouse-hmg", "gatehouse"} {
		text, err := os.ReadFile(filepath.Join(name, name+".service"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"\nType=notify\n", "\nUser=" + name + "\n", "\nEnvironmentFile=/etc/default/" + name + "\n", "\nRestartPreventExitStatus=78\n",
			"\nNoNewPrivileges=yes\n", "\nProtectSystem=strict\n", "\nProtectHome=yes\n", "\nPrivateTmp=yes\n", "\nPrivateDevices=yes\n",
			"\nCapabilityBoundingSet=\n", "\nLimitCORE=0\n", "\nUMask=0077\n", "\nSystemCallFilter=@system-service\n",
		} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s.service lacks %q", name, strings.TrimSpace(want))
			}
		}
	}
}
