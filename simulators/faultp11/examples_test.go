package faultp11_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExamples(t *testing.T) {
	c := wrapped(t)
	files, err := filepath.Glob("examples/*.rules")
	c.must(err)
	if len(files) < 10 {
		t.Fatalf("got %d examples, want at least ten", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		c.must(err)
		before, err := c.Log()
		c.must(err)
		c.set(string(text))
		_, _ = c.GetInfo() // reads the rules; whether a fault meets it does not matter here
		after, err := c.Log()
		c.must(err)
		if text := strings.Join(after[len(before):], "\n"); strings.Contains(text, "problem: ") {
			t.Errorf("%s: %s", file, text)
		}
	}
}
