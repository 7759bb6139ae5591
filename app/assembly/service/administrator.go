package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"gatehouse/core/secret/reveal"
)

// announceAdministrator makes the first administrator, and hands its password
// over once: to out, or to the file of the configuration, which nobody else may
// read. What a service prints ends in a journal that many may read.
func (s *Service) announceAdministrator(ctx context.Context, cfg Config, out io.Writer, log *slog.Logger) error {
	if cfg.Password == "" {
		_, err := s.makeAdministrator(ctx, cfg, out)
		return err
	}
	file, err := os.OpenFile(cfg.Password, os.O_RDWR|os.O_CREATE, 0o600) // before it is needed: a password is made once
	if err != nil {
		return fmt.Errorf("opening the file for the first administrator's password: %w", err)
	}
	defer file.Close() //nolint:errcheck // synced where it is written
	info, err := file.Stat()
	if err != nil {
		return err
	}
	left := info.Size() > 0 // by an earlier start, which may have been cut off
	made, err := s.makeAdministrator(ctx, cfg, fresh{file})
	switch {
	case err == nil && made:
		log.Info("the first administrator was made: read the password in the file, and delete it", "administrator", cfg.Admin, "file", cfg.Password)
		return file.Sync()
	case !left:
		return errors.Join(err, os.Remove(cfg.Password))
	default:
		log.Warn("the first administrator's password is still in its file: delete it", "file", cfg.Password)
		return err
	}
}

func (s *Service) makeAdministrator(ctx context.Context, cfg Config, out io.Writer) (made bool, err error) {
	password, made, err := s.Accounts.FirstAdministrator(ctx, cfg.Account, cfg.Admin)
	if err != nil || !made {
		return false, err
	}
	_, err = fmt.Fprintf(out, "administrator: %s\npassword: %s\n", cfg.Admin, password.Reveal(reveal.Permit{}))
	return true, err
}

// fresh is a file that loses what was in it and who may read it when it is
// written to, at once.
type fresh struct{ *os.File }

func (f fresh) Write(b []byte) (int, error) {
	if err := errors.Join(f.Chmod(0o600), f.Truncate(0)); err != nil {
		return 0, err
	}
	return f.WriteAt(b, 0)
}
