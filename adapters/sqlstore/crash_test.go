package sqlstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/adapters/sqlstore"
	"gatehouse/core/audit"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/store"
)

// victim names the database in the environment of the process that is killed.
const victim = "GATEHOUSE_SQLSTORE_VICTIM"

// TestMain lets the test program be the process that is killed, too.
func TestMain(m *testing.M) {
	if path := os.Getenv(victim); path != "" {
		fmt.Println("failed", work(context.Background(), path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// work writes to the database for ever and tells of each thing that was promised
// to be durable: "audit CORRELATION", "key ID", "gone ID".
func work(ctx context.Context, path string) error {
	s, err := sqlstore.Open(ctx, sqlstore.Options{Path: path})
	if err != nil {
		return err
	}
	var out sync.Mutex
	tell := func(what string, of any) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(what, of)
	}
	uuid := func() string {
		return fmt.Sprintf("%08x-%04x-4000-8000-%012x", rand.Uint32(), rand.N(0x10000), rand.N(uint64(1)<<48))
	}
	failed := make(chan error)
	forever := func(f func() error) {
		go func() {
			for {
				if err := f(); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	for range 4 {
		forever(func() error {
			r := signed()
			r.Correlation = uuid()
			if err := s.AppendAudit(ctx, r, signed()); err != nil {
				return err
			}
			tell("audit", r.Correlation)
			return nil
		})
		forever(func() error { // generate and delete, as a use case does
			k := virtual(0)
			k.ID = id.Key(uuid())
			k.Name, k.Material = string(k.ID), secret.Sealed(uuid())
			i := intents.Intent{ID: id.Intent(uuid()), Kind: intents.Create, Account: "a", Group: "g", Key: k.ID, Spec: keys.Spec{Name: k.Name}}
			if err := errors.Join(s.BeginIntent(ctx, i), s.AddKey(ctx, k, i.ID)); err != nil {
				return err
			}
			if rand.N(2) == 0 {
				tell("key", k.ID)
				return nil
			}
			i.ID, i.Kind = id.Intent(uuid()), intents.Destroy
			if err := errors.Join(s.BeginIntent(ctx, i), s.RecordKeys(ctx, nil, []store.KeyChange{{Key: k.ID, Change: deleted}}, i.ID)); err != nil {
				return err
			}
			tell("gone", k.ID)
			return nil
		})
	}
	forever(func() error {
		_, err := s.UpdateGroup(ctx, "g", func(g groups.Group) (groups.Group, error) {
			g.Connections = []groups.Connection{{ID: id.Connection(uuid()), PIN: secret.Sealed(uuid())}, {ID: id.Connection(uuid())}}
			return g, nil
		})
		return err
	})
	forever(func() error {
		_, err := s.Reseal(ctx, func(_, _ string, v secret.Sealed) (secret.Sealed, bool, error) {
			return append(v[1:len(v):len(v)], v[0]), true, nil
		})
		return err
	})
	return <-failed
}

func deleted(k keys.Key) (keys.Key, error) {
	k.State, k.Material = keys.Deleted, nil
	return k, nil
}

// killed runs the victim until it has told of n things, or right from its start
// if n is 0, kills it, and returns what it told.
func killed(t *testing.T, path string, n int) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victim+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var told []string
	if n == 0 {
		_ = cmd.Process.Kill()
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if told = append(told, lines.Text()); len(told) == n {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	return told
}

func TestKilled(t *testing.T) {
	t.Parallel()

	t.Run("while it makes the database", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		for range 5 {
			killed(t, path, 0)
		}
		s, reopen := openAt(t, path)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if told := killed(t, path, 1); strings.HasPrefix(told[0], "failed") {
			t.Errorf("the victim said: %s", told[0])
		}
		wantSound(t, path)
		reopen()
	})

	t.Run("while it writes, it loses nothing that it promised", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		s, reopen := openAt(t, path)
		audited, there := map[string]bool{}, map[id.Key]bool{}
		for round := range 8 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			told := killed(t, path, 1+rand.N(60<<(round/2)))
			for _, line := range told {
				switch what, of, _ := strings.Cut(line, " "); what {
				case "audit":
					audited[of] = true
				case "key":
					there[id.Key(of)] = true
				case "gone":
					there[id.Key(of)] = false
				default:
					t.Fatalf("the victim said: %s", line)
				}
			}
			s = reopen()
			wantSound(t, path)
			wantPromised(t, s, audited, there)
		}
		if len(audited) == 0 || len(there) == 0 {
			t.Errorf("got %d records and %d keys, want some of each", len(audited), len(there))
		}
	})
}

// wantSound checks the database with its own means.
func wantSound(t *testing.T, path string) {
	t.Helper()
	db := raw(t, path)
	defer func() { _ = db.Close() }()
	var result string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&result); err != nil || result != "ok" {
		t.Fatalf("integrity: got %q and %v, want ok", result, err)
	}
	rows, err := db.QueryContext(t.Context(), "PRAGMA foreign_key_check")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		t.Error("got a row that refers to nothing, want none")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// wantPromised checks that everything is there that was promised, and that
// the audit log and the intents are whole.
func wantPromised(t *testing.T, s *sqlstore.Store, audited map[string]bool, there map[id.Key]bool) {
	t.Helper()
	ctx := t.Context()
	if n, err := verify(ctx, s); err != nil || n%2 != 0 {
		t.Errorf("audit log: got %d records and %v, want pairs in a chain", n, err)
	}
	missing := len(audited)
	err := s.EachAudit(ctx, 1, func(r audit.Record) error {
		if audited[r.Correlation] {
			missing--
		}
		return nil
	})
	if err != nil || missing != 0 {
		t.Errorf("audit log: got %v and %d records missing, want none", err, missing)
	}
	begun := map[id.Key]intents.Kind{}
	list, err := s.ListIntents(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		begun[i.Key] = i.Kind
	}
	for k, want := range there {
		key, err := s.Key(ctx, k)
		switch {
		case err == nil && key.State == keys.Deleted && !want:
		case err == nil && begun[k] == intents.Create:
			t.Errorf("key %s is there, and so is the intent to make it", k)
		case err == nil && !want:
			t.Errorf("key %s is there, though it was deleted", k)
		case errors.Is(err, fault.NotFound) && want:
			t.Errorf("key %s is missing, though it was stored", k)
		case err != nil && !errors.Is(err, fault.NotFound):
			t.Errorf("Key: %v", err)
		}
	}
	// what was left unfinished would be finished by recovery
	for _, i := range list {
		if err := s.EndIntent(ctx, i.ID); err != nil {
			t.Errorf("EndIntent: %v", err)
		}
	}
	g, err := s.Group(ctx, "g")
	if err != nil || len(g.Connections) != 0 && len(g.Connections) != 2 {
		t.Errorf("got %d connections and %v, want both or none", len(g.Connections), err)
	}
}
