package lab_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"gatehouse/simulators/lab"
)

// workersLab is a lab whose gateways tell their PKCS11_WORKERS, and refuse -1.
func workersLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := gatewayLab(t, `echo "workers: $PKCS11_WORKERS" >&2; [ "$PKCS11_WORKERS" != -1 ] || exit 78; `+standIn(t, "gateway"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// answers reports whether a gateway tells that it is healthy.
func answers(ctx context.Context, g lab.Gateway) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.Health, http.NoBody)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusNoContent
}

func TestAddedGateway(t *testing.T) {
	t.Run("it has its own settings, and its end is not the lab's", func(t *testing.T) {
		l := workersLab(t)
		g, stop, err := l.AddGateway(t.Context(), "more", "PKCS11_WORKERS=4")
		if err != nil {
			t.Fatal(err)
		}
		if !answers(t.Context(), g) || !answers(t.Context(), l.Gateway) {
			t.Error("not both gateways answer")
		}
		if g.PID == 0 || g.PID == l.Gateway.PID {
			t.Errorf("PID: got %d, want one of its own", g.PID)
		}
		log, err := os.ReadFile(g.Log)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(log), "workers: 4\n") {
			t.Errorf("log: got %q, want that it has 4 workers", log)
		}
		if err := stop(); err != nil {
			t.Errorf("stop: got %v, want nil", err)
		}
		if answers(t.Context(), g) {
			t.Error("it answers after stop")
		}
		if !answers(t.Context(), l.Gateway) {
			t.Error("the lab's own gateway has ended with it")
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close: got %v, want nil", err)
		}
	})
	t.Run("it ends with the lab", func(t *testing.T) {
		l := workersLab(t)
		g, _, err := l.AddGateway(t.Context(), "more")
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close: got %v, want nil", err)
		}
		if answers(t.Context(), g) {
			t.Error("it answers after Close")
		}
	})
	t.Run("one that does not start is told, and is none of the lab's", func(t *testing.T) {
		l := workersLab(t)
		_, _, err := l.AddGateway(t.Context(), "more", "PKCS11_WORKERS=-1")
		if err == nil || !strings.Contains(err.Error(), "workers: -1") {
			t.Errorf("got %v, want the last words", err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close: got %v, want nil", err)
		}
	})
	t.Run("a crash of the lab's gateway is not one of it", func(t *testing.T) {
		l := workersLab(t)
		g, _, err := l.AddGateway(t.Context(), "more")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.CrashGateway(); err != nil {
			t.Fatal(err)
		}
		if _, err := l.CrashGateway(); err == nil {
			t.Error("second crash: got nil, want that it does not run")
		}
		if !answers(t.Context(), g) {
			t.Error("the added gateway has ended")
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close: got %v, want nil", err)
		}
	})
}
