package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/term"

	"gatehouse/app/assembly/hmg"
	"gatehouse/core/secret"
)

type slots struct {
	hmg.LibraryConfig

	JSON bool `help:"Write JSON."`
}

// Run lists the slots.
func (s slots) Run(ctx context.Context) error {
	return hmg.ListSlots(ctx, s.LibraryConfig, s.JSON, os.Stdout)
}

type doctor struct{ hmg.DoctorConfig }

// Run examines the library.
func (d doctor) Run(ctx context.Context) error {
	if in := int(os.Stdin.Fd()); term.IsTerminal(in) {
		d.AskPIN = func() (secret.Value, error) {
			fmt.Fprint(os.Stderr, "User PIN: ")
			pin, err := term.ReadPassword(in)
			fmt.Fprintln(os.Stderr)
			return secret.New(pin), err
		}
	}
	return hmg.Doctor(ctx, d.DoctorConfig, os.Stdout, os.Stderr)
}
