package sqlstore

import (
	"context"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// Setting returns a value of the store itself.
func (s *Store) Setting(ctx context.Context, name string) ([]byte, error) {
	return s.setting(ctx, "", name)
}

// PutSetting keeps a value.
func (s *Store) PutSetting(ctx context.Context, name string, value []byte) error {
	return s.putSetting(ctx, "", name, value)
}

// SealedSetting returns a sealed value.
func (s *Store) SealedSetting(ctx context.Context, purpose, name string) (secret.Sealed, error) {
	if purpose == "" {
		return nil, noPurpose()
	}
	return s.setting(ctx, purpose, name)
}

// PutSealedSetting keeps a sealed value.
func (s *Store) PutSealedSetting(ctx context.Context, purpose, name string, v secret.Sealed) error {
	if purpose == "" {
		return noPurpose()
	}
	return s.putSetting(ctx, purpose, name, v)
}

func noPurpose() error { return fault.New(fault.Internal, "a sealed setting has a purpose") }

func (s *Store) setting(ctx context.Context, purpose, name string) ([]byte, error) {
	var value []byte
	err := s.look(ctx, func(c conn) error {
		return c.one(ctx, &value, fault.New(fault.NotFound, "setting does not exist"),
			"SELECT value FROM settings WHERE purpose = ? AND name = ?", purpose, name)
	})
	return none(value), err
}

func (s *Store) putSetting(ctx context.Context, purpose, name string, value []byte) error {
	if value == nil {
		value = []byte{} // a setting may be empty, which is not the same as unset
	}
	return s.write(ctx, func(c conn) error {
		_, err := c.exec(ctx, "INSERT INTO settings (purpose, name, value) VALUES (?, ?, ?) "+
			"ON CONFLICT (purpose, name) DO UPDATE SET value = excluded.value", purpose, name, value)
		return err
	})
}
