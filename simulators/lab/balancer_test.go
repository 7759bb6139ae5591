package lab_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentedBalancer holds the documentation against the configuration that
// the lab gives to HAProxy.
func TestDocumentedBalancer(t *testing.T) {
	config, err := os.ReadFile("haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "load-balancer.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```\n"+string(config)+"```\n") {
		t.Error("docs/load-balancer.md does not hold simulators/lab/haproxy.cfg as it is")
	}
}
