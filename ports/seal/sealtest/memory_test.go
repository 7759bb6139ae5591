package sealtest_test

import (
	"fmt"
	"testing"

	"gatehouse/ports/seal"
	"gatehouse/ports/seal/sealtest"
)

func TestMemory(t *testing.T) {
	first := sealtest.NewMemory("first")
	made := 0
	sealtest.Run(t, sealtest.Harness{
		New: func(*testing.T) seal.Sealer {
			made++
			return first.With(fmt.Sprintf("master %d", made))
		},
		Rotation: func(*testing.T) (before, during, after seal.Sealer) {
			return first.With("old"), first.With("new", "old"), first.With("new")
		},
	})
}
