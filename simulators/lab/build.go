package lab

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// Build builds the programs that a lab starts into dir, for who has no folder of
// built programs: tests and benchmarks. The current folder must be in the module.
func Build(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", dir+"/",
		"gatehouse/app/cmd/gatehouse", "gatehouse/app/cmd/gatehouse-hmg")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the programs: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
