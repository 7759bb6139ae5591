package settings_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"gatehouse/app/assembly/settings"
	"gatehouse/core/fault"
)

// grammar is a program with one command that remembers whether it ran.
type grammar struct {
	Serve command `cmd:"" default:"withargs"`
	Look  looking `cmd:""`
}

// looking is a command with nothing but what kong asks for.
type looking struct {
	Port uint16 `default:"1" env:"SETTINGS_TEST_PORT"`
}

func (l looking) Validate() error {
	if l.Port == 1 {
		return fault.New(fault.Invalid, "port 1 is not for looking")
	}
	return nil
}

func (looking) Run() error { return nil }

type command struct {
	Port  uint16 `default:"1"    env:"SETTINGS_TEST_PORT"`
	Level string `default:"info" enum:"info,warn" env:"SETTINGS_TEST_LEVEL"`
	Name  string `env:"SETTINGS_TEST_NAME"`

	ran bool
}

func (c *command) Check(context.Context) error {
	err := c.Validate()
	if c.Port == 1 && c.Name == "busy" {
		err = errors.Join(err, fault.New(fault.Unavailable, "SETTINGS_TEST_PORT: port 1 is in use"))
	}
	return err
}

// Validate finds the first thing, as kong asks for.
func (c *command) Validate() error {
	if c.Name == "" {
		return fault.New(fault.Invalid, "SETTINGS_TEST_NAME is not set")
	}
	return nil
}

func (c *command) Run() error {
	c.ran = true
	return nil
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		args []string
		want []string
		ran  bool
	}{
		{"all good", map[string]string{"NAME": "x", "PORT": "7"}, nil, nil, true},
		{"variables that hold nothing", map[string]string{"NAME": "x", "PORT": "", "LEVEL": ""}, nil, nil, true},
		{"what the command finds", nil, nil, []string{"SETTINGS_TEST_NAME is not set"}, false},
		{"what a command finds that only kong asks", nil, []string{"look"}, []string{"port 1 is not for looking"}, false},
		{"that and a variable", map[string]string{"PORT": "70000"}, []string{"look"}, []string{`SETTINGS_TEST_PORT: expected a valid 16 bit uint but got "70000"`, "port 1 is not for looking"}, false},
		{
			"everything at once",
			map[string]string{"PORT": "70000", "LEVEL": "loud"},
			nil,
			[]string{
				`SETTINGS_TEST_PORT: expected a valid 16 bit uint but got "70000"`,
				"SETTINGS_TEST_LEVEL: must be one of info, warn",
				"SETTINGS_TEST_NAME is not set",
			},
			false,
		},
		{
			"the default of a variable",
			map[string]string{"NAME": "busy", "LEVEL": "loud"},
			nil,
			[]string{"SETTINGS_TEST_LEVEL: must be one of info, warn", "SETTINGS_TEST_PORT: port 1 is in use"},
			false,
		},
		{
			"not the default of one that cannot be read",
			map[string]string{"NAME": "busy", "PORT": "70000"},
			nil,
			[]string{`SETTINGS_TEST_PORT: expected a valid 16 bit uint but got "70000"`},
			false,
		},
		{
			"a flag that there is not, and a variable",
			map[string]string{"LEVEL": "loud"},
			[]string{"--nonsense"},
			[]string{"SETTINGS_TEST_LEVEL: must be one of info, warn", "unknown flag --nonsense"},
			false,
		},
		{"a flag that there is not", nil, []string{"--nonsense"}, []string{"unknown flag --nonsense"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv("SETTINGS_TEST_"+k, v)
			}
			var g grammar
			err := settings.Run(t.Context(), &g, c.args, kong.Name("program"))
			if diff := cmp.Diff(c.want, settings.Lines(err)); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if g.Serve.ran != c.ran {
				t.Errorf("the command ran: got %t, want %t", g.Serve.ran, c.ran)
			}
		})
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	invalid := fault.New(fault.Invalid, "A is not set")
	away := fmt.Errorf("B: %w", errors.New("in use"))
	for _, c := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"no error", nil, 0, ""},
		{"a wrong setting", invalid, 78, "p: A is not set\n"},
		{"what may pass", away, 1, "p: B: in use\n"},
		{"both, one twice", errors.Join(invalid, errors.Join(away, invalid)), 78, "p: A is not set\np: B: in use\n"},
		{"lines in a line", errors.New("a\n  b"), 1, "p: a b\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if got := settings.End(&out, "p", c.err); got != c.code {
				t.Errorf("exit code: got %d, want %d", got, c.code)
			}
			if got := out.String(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
