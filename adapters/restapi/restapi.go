package restapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"gatehouse/app/accounts"
	"gatehouse/app/grouping"
	"gatehouse/app/keyring"
	"gatehouse/app/sessions"
	"gatehouse/app/syncing"
)

// Services are the use cases that the API drives.
type Services struct {
	Sessions *sessions.Service
	Accounts *accounts.Service
	Grouping *grouping.Service
	Keyring  *keyring.Service
	Syncing  *syncing.Service
}

// Config is what the API needs besides its services. Zero values of limits mean
// the default in the comment.
type Config struct {
	Version string           // of the product, as GET /sys/v1/version tells it
	Now     func() time.Time // for the access log and dates in replies
	Log     *slog.Logger

	// Healthy reports whether the service can work; nil means that it always can.
	Healthy func(context.Context) error

	MaxBody      int64         // bytes of a request body with data or keys; 1.5 MiB
	MaxBodies    int64         // bytes of all larger request bodies in memory at once; 256 MiB
	BodyTimeout  time.Duration // for a client to send its body; 30 s
	ReplyTimeout time.Duration // for a client to take its reply; 60 s
}

func (c Config) withDefaults() Config {
	if c.MaxBody == 0 {
		c.MaxBody = 3 << 19
	}
	if c.MaxBodies == 0 {
		c.MaxBodies = 256 << 20
	}
	if c.BodyTimeout == 0 {
		c.BodyTimeout = 30 * time.Second
	}
	if c.ReplyTimeout == 0 {
		c.ReplyTimeout = time.Minute
	}
	return c
}

// server is the handler's state.
type server struct {
	Services
	cfg    Config
	mux    *http.ServeMux
	doc    huma.API
	bodies atomic.Int64 // bytes of larger bodies in memory now
}

// New returns the handler of the API.
func New(svc Services, cfg Config) http.Handler {
	s := &server{Services: svc, cfg: cfg.withDefaults(), mux: http.NewServeMux()}
	s.doc = humago.New(s.mux, description(cfg.Version))
	s.routes()
	return s.guard(s.mux)
}
