// Package conformance_test watches over the conformance suites of the ports:
// every implementation runs its suite, and the suite of the port token fails
// for implementations that are wrong.
package conformance_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// TestEveryImplementationRunsItsSuite finds the implementations of each port
// that has a suite by their assertions (`var _ token.Token = …`), and wants each
// package to run the suite in its tests.
func TestEveryImplementationRunsItsSuite(t *testing.T) {
	folders := parseModule(t)
	suites := 0
	for _, f := range folders {
		if !strings.HasPrefix(f.path, module+"/ports/") || folderNamed(folders, suiteOf(f.path)) == nil {
			continue
		}
		suites++
		runners := runnersOf(folders, suiteOf(f.path))
		found := 0
		for _, impl := range folders {
			if len(impl.assertions(f.path)) == 0 {
				continue
			}
			found++
			if !slices.ContainsFunc(impl.tests, func(file *ast.File) bool { return callsRun(file, runners) }) {
				t.Errorf("%s implements %s (%s), and no test of it runs %s",
					impl.path, f.path, strings.Join(impl.assertions(f.path), ", "), suiteOf(f.path))
			}
		}
		if found == 0 {
			t.Errorf("nobody says to implement %s", f.path)
		}
	}
	if suites == 0 {
		t.Error("no port has a suite: have they moved?")
	}
}

// TestEveryTokenSaysSo finds types that have all methods of the port token, and
// wants them to carry the assertion by which the test above finds them.
func TestEveryTokenSaysSo(t *testing.T) {
	folders := parseModule(t)
	port := module + "/ports/token"
	methods := interfaceMethods(t, folderNamed(folders, port), "Token")
	found := 0
	for _, f := range folders {
		for typ, has := range f.declared {
			if slices.ContainsFunc(methods, func(m string) bool { return !slices.Contains(has, m) }) {
				continue
			}
			found++
			if !slices.Contains(f.assertions(port), "Token") {
				t.Errorf("%s.%s has all methods of token.Token and no line `var _ token.Token = (*%s)(nil)`", f.path, typ, typ)
			}
		}
	}
	if found < 2 {
		t.Errorf("found %d types with the methods of token.Token, want the simulator's and a real one's at least", found)
	}
}
