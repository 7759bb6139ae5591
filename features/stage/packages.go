package stage

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"gatehouse/features/steps"
	"gatehouse/packaging/machine"
)

// packages returns the packages: those that GATEHOUSE_DIST names, or made once,
// when the first scenario asks for them, and not within its time.
func packages(dir string) func(context.Context) (steps.Packages, error) {
	made := sync.OnceValues(func() (steps.Packages, error) { return makePackages(context.Background(), dir) })
	return func(context.Context) (steps.Packages, error) { return made() }
}

func makePackages(ctx context.Context, dir string) (p steps.Packages, err error) {
	if p.Base, err = machine.Base(ctx); err != nil {
		return p, err
	}
	p.Dir = filepath.Join(dir, "machines")
	if err := os.Mkdir(p.Dir, 0o755); err != nil {
		return p, err
	}
	dist := os.Getenv("GATEHOUSE_DIST")
	if dist == "" {
		dist = filepath.Join(dir, "dist")
		if err := machine.Build(ctx, "..", dist); err != nil {
			return p, err
		}
	}
	if p.Deb, err = machine.Find(dist, "deb"); err != nil {
		return p, err
	}
	p.RPM, err = machine.Find(dist, "rpm")
	return p, err
}
