package restapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/adapters/restapi"
)

func TestVersionNeedsNoIdentity(t *testing.T) {
	t.Parallel()
	h := restapi.New(restapi.Services{}, restapi.Config{Version: "1.2.3", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/sys/v1/version/", nil))
	want := `{"version":"1.2.3","api_version":"v1-20260710","server_mode":"Software"}`
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != want {
		t.Errorf("got %d %s, want 200 %s", w.Code, got, want)
	}
}
