package sqlstore_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// leftovers returns the files of a directory that hold the text.
func leftovers(t *testing.T, dir, text string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatalf("got %d files and %v, want some", len(entries), err)
	}
	var found []string
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			found = append(found, e.Name())
		}
	}
	return found
}

func TestResealLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openAt(t, filepath.Join(dir, "gatehouse.db"))
	list := estate(300)
	for i := range list {
		list[i].Virtual, list[i].Material = nil, fmt.Appendf(nil, "under the old master key %d", i)
	}
	if err := s.SyncKeys(t.Context(), list, nil); err != nil {
		t.Fatal(err)
	}
	_, err := s.UpdateKey(t.Context(), list[0].ID, func(k keys.Key) (keys.Key, error) {
		k.Material = secret.Sealed("under the old master key, and longer than before, so that it moves")
		return k, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := leftovers(t, dir, "under the old master key"); len(got) == 0 {
		t.Fatal("the search does not find what is there")
	}
	n, err := s.Reseal(t.Context(), func(_, _ string, v secret.Sealed) (secret.Sealed, bool, error) {
		return append(secret.Sealed("sealed "), v[len("under the old master key"):]...), true, nil
	})
	if err != nil || n != len(list) {
		t.Errorf("Reseal: got %d and %v, want %d", n, err, len(list))
	}
	if got := leftovers(t, dir, "under the old master key"); len(got) != 0 {
		t.Errorf("got old values in %v, want none", got)
	}
	if got := leftovers(t, dir, "sealed "); len(got) == 0 {
		t.Error("got no new values, want them")
	}
}
