package catalogue_test

import (
	"context"
	"path/filepath"
	"testing"

	"gatehouse/adapters/sqlstore"
	"gatehouse/app/catalogue"
	"gatehouse/ports/store"
	"gatehouse/ports/store/storetest"
)

// A catalogue is a store with a memory, so that it must be one in every respect.
func TestCatalogueIsAStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Place {
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		return func() (store.Store, error) {
			s, err := sqlstore.Open(context.WithoutCancel(t.Context()), sqlstore.Options{Path: path})
			if err != nil {
				return nil, err
			}
			return catalogue.New(s), nil
		}
	})
}
