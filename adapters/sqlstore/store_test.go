package sqlstore_test

import (
	"path/filepath"
	"testing"

	"gatehouse/adapters/sqlstore"
	"gatehouse/ports/store"
	"gatehouse/ports/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Place {
		t.Helper()
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		return func() (store.Store, error) { return sqlstore.Open(t.Context(), sqlstore.Options{Path: path}) }
	})
}
