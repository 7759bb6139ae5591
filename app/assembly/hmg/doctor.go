package hmg

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"gatehouse/adapters/pkcs11"
	"gatehouse/adapters/tlsconf"
	"gatehouse/app/doctor"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
)

// DoctorConfig says what to examine. Flags, environment and help are made from
// the tags. A PIN is no flag: arguments are for all to see.
type DoctorConfig struct {
	LibraryConfig

	Slot     []uint        `help:"Slot to examine, by the id that a connection names; may be given several times. Without it: every slot with an initialised token." placeholder:"ID"`
	Try      bool          `help:"Log in, and really do everything with keys that are removed afterwards."`
	PINFile  string        `env:"PKCS11_PIN_FILE"                                                                                                                   help:"File whose first line is the user PIN, for --try. Without it the variable PKCS11_PIN holds it, or it is asked for." name:"pin-file" placeholder:"FILE"`
	Insist   bool          `help:"Try the PIN although the token says that one more wrong one locks it."`
	Measure  time.Duration `default:"500ms"                                                                                                                         help:"How long each measurement of several callers lasts; 0: none."                                                                    placeholder:"TIME"`
	Patience time.Duration `default:"1m" help:"How long the library may take to load and to tell of itself." placeholder:"TIME"`
	JSON     bool          `help:"Write JSON."`

	AskPIN func() (secret.Value, error) `kong:"-"` // asks somebody at a terminal; nil: nobody is there
}

// Validate reports everything that is wrong with what is asked, joined.
func (c DoctorConfig) Validate() error {
	wrong := []error{c.LibraryConfig.Validate()}
	if c.Measure < 0 {
		wrong = append(wrong, fault.New(fault.Invalid, "--measure must not be negative"))
	}
	if c.Patience <= 0 {
		wrong = append(wrong, fault.New(fault.Invalid, "--patience must be longer than nothing"))
	}
	return errors.Join(wrong...)
}

// errEssential ends the program with a status other than 0.
var errEssential = fault.New(fault.BadState, "something essential is missing: see the errors among the findings")

// Doctor examines a library and writes its report. It fails when something
// essential is missing, after it has written what.
func Doctor(ctx context.Context, c DoctorConfig, out, progress io.Writer) error {
	m, survey, err := ask(ctx, c.LibraryConfig, c.Patience)
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck,contextcheck // the report is written; finalising cannot be cancelled
	r := doctor.Examine(c.Library, survey)
	chosen, err := c.choose(r)
	if err != nil {
		return err
	}
	if c.Try {
		if len(chosen) > 1 {
			return fault.New(fault.Invalid, "several slots hold tokens: name one with --slot, so that a PIN is tried where it belongs")
		}
		for _, s := range chosen {
			if err := c.try(ctx, m, s, progress); err != nil {
				return err
			}
		}
	}
	r.Judge(c.Slot...)
	if c.JSON {
		if len(c.Slot) > 0 {
			r.Only(c.Slot...)
		}
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		err = r.Print(out, c.Slot...)
	}
	switch {
	case err != nil:
		return err
	case !r.Works:
		return errEssential
	case ctx.Err() != nil:
		return fault.New(fault.Unavailable, "stopped before everything was tried")
	}
	return nil
}

// patience is how long a library may take where nothing else is said.
const patience = time.Minute

// ask loads a library and asks what it is, as long as limit. A library that
// hangs is left behind: it ends with the program.
func ask(ctx context.Context, c LibraryConfig, limit time.Duration) (*pkcs11.Module, hsm.Survey, error) {
	type answer struct {
		m   *pkcs11.Module
		s   hsm.Survey
		err error
	}
	answered := make(chan answer, 1)
	go func() { //nolint:contextcheck // loading a library cannot be cancelled
		var a answer
		if a.m, a.err = load(c, slog.New(slog.DiscardHandler)); a.err == nil {
			a.s, a.err = a.m.Survey(context.Background())
		}
		answered <- a
	}()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case a := <-answered:
		return a.m, a.s, a.err
	case <-ctx.Done():
		return nil, hsm.Survey{}, fault.New(fault.Unavailable, "stopped while the PKCS#11 library had not answered")
	case <-late.C:
		return nil, hsm.Survey{}, fault.New(fault.Unavailable,
			"the PKCS#11 library does not answer within %s: see whether its client is configured, and whether the HSM can be reached", limit)
	}
}

// choose returns the slots to examine.
func (c DoctorConfig) choose(r *doctor.Report) (chosen []*doctor.Slot, err error) {
	for _, id := range c.Slot {
		found := false
		for i := range r.Slots {
			if r.Slots[i].ID == id {
				found = true
				chosen = append(chosen, &r.Slots[i])
			}
		}
		if !found {
			return nil, fault.New(fault.Invalid, "the library has no slot %d: see gatehouse-hmg slots", id)
		}
	}
	for i := range r.Slots {
		if s := &r.Slots[i]; len(c.Slot) == 0 && s.State == doctor.StateReady {
			chosen = append(chosen, s)
		}
	}
	return chosen, nil
}

// try logs in to a slot, and tries everything there.
func (c DoctorConfig) try(ctx context.Context, m *pkcs11.Module, s *doctor.Slot, progress io.Writer) error {
	wants, refuse := s.Login(c.Insist)
	if refuse {
		return nil // the findings say why
	}
	var pin secret.Value
	if wants {
		var err error
		if pin, err = c.pin(); err != nil {
			return err
		}
	}
	t, err := m.Open(ctx, s.ID, pin)
	pin.Wipe()
	if err != nil {
		s.NotOpened(err)
		return nil
	}
	doctor.Try(ctx, t, s, doctor.Tries{
		Random: rand.Reader, Now: time.Now, Measure: c.Measure,
		Quirks:   func(ctx context.Context) ([]hsm.Quirk, error) { return t.Quirks(ctx) },
		Progress: func(what string) { fmt.Fprintf(progress, "trying %s\n", what) },
	})
	return t.Close() //nolint:contextcheck // closing cannot be cancelled
}

// pin finds the user PIN.
func (c DoctorConfig) pin() (secret.Value, error) {
	if c.PINFile != "" {
		return tlsconf.Password(c.PINFile, "PKCS11_PIN_FILE")
	}
	if pin := os.Getenv("PKCS11_PIN"); pin != "" {
		return secret.FromString(pin), nil
	}
	if c.AskPIN != nil {
		return c.AskPIN()
	}
	return secret.Value{}, fault.New(fault.Invalid, "trying needs the user PIN: name a file that holds it with --pin-file")
}

// ListSlots writes what the library's slots are: what a connection's slot may be.
func ListSlots(ctx context.Context, c LibraryConfig, asJSON bool, out io.Writer) error {
	m, survey, err := ask(ctx, c, patience)
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck,contextcheck // nothing was changed; finalising cannot be cancelled
	r := doctor.Examine(c.Library, survey)
	if !asJSON {
		return r.PrintSlots(out)
	}
	r.Brief()
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r.Slots)
}
