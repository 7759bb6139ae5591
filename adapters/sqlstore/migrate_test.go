package sqlstore_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/adapters/sqlstore"
	"gatehouse/core/fault"
	"gatehouse/ports/store"
)

func TestMigrations(t *testing.T) {
	t.Parallel()

	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d migrations and %v, want some", len(files), err)
	}

	t.Run("are numbered without a gap, each one transaction", func(t *testing.T) {
		t.Parallel()
		for i, file := range files {
			if want := fmt.Sprintf("migrations/%05d_", i+1); !strings.HasPrefix(file, want) {
				t.Errorf("got %s, want a name that begins with %s", file, want)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(text, []byte("-- +goose Up\n")) || bytes.Contains(text, []byte("NO TRANSACTION")) {
				t.Errorf("%s: want a way up, within a transaction", file)
			}
		}
	})

	t.Run("are done once", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		_, reopen := openAt(t, path)
		if _, err := reopen().Group(t.Context(), "g"); err != nil {
			t.Errorf("Group after opening again: %v", err)
		}
		var done, newest int
		row := raw(t, path).QueryRowContext(t.Context(), "SELECT count(*), max(version_id) FROM goose_db_version WHERE version_id > 0")
		if err := row.Scan(&done, &newest); err != nil {
			t.Fatal(err)
		}
		if done != len(files) || newest != len(files) {
			t.Errorf("got %d migrations up to %d, want %d", done, newest, len(files))
		}
	})

	t.Run("leave a database alone that is newer", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		s, _ := openAt(t, path)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		db := raw(t, path)
		mustExec(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = sqlstore.Open(t.Context(), sqlstore.Options{Path: path})
		wantKind(t, "Open", err, fault.Unavailable)
		want := fmt.Sprintf("the database has version 999 and this program knows versions up to %d only: use a newer program", len(files))
		if got := fault.Message(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		after, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("the file was changed, or %v", err)
		}
	})
}

func TestDamage(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]string{
		"a document that is none":            "UPDATE keys SET detail = '{'",
		"a document with something after it": "UPDATE keys SET detail = detail || '1'",
		"a document of a newer program":      `UPDATE keys SET detail = json_set(detail, '$.unheard_of', 1)`,
		"an operation that nobody knows":     `UPDATE keys SET detail = json_set(detail, '$.ops[0]', 'FLY')`,
		"a time that is none":                `UPDATE keys SET detail = json_set(detail, '$.created_at', 'noon')`,
		"metadata that is none":              "UPDATE keys SET metadata = '[1]'",
	} {
		t.Run(name+" is told, and stays as it is", func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "gatehouse.db")
			s, _ := openAt(t, path)
			k := virtual(1)
			if err := s.AddKey(t.Context(), k, ""); err != nil {
				t.Fatal(err)
			}
			db := raw(t, path)
			mustExec(t, db, spoil)
			_, err := s.Key(t.Context(), k.ID)
			wantKind(t, "Key", err, fault.Internal)
			_, err = s.ListKeys(t.Context(), store.KeyQuery{Account: "a"})
			wantKind(t, "ListKeys", err, fault.Internal)
			_, err = s.UpdateKey(t.Context(), k.ID, rename)
			wantKind(t, "UpdateKey", err, fault.Internal)
			var spoiled string
			if err := db.QueryRowContext(t.Context(), "SELECT detail || metadata FROM keys WHERE name = ?", k.Name).Scan(&spoiled); err != nil {
				t.Errorf("the damaged key: %v", err)
			}
		})
	}
}
