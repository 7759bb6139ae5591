package cli

import (
	"github.com/alecthomas/kong"

	"gatehouse/adapters/cli/complete"
)

type completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Run writes the script.
func (c completion) Run(k *kong.Kong) error { return complete.Write(k.Stdout, c.Shell, k.Model) }
