package restapi

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// apiVersion is the version of the API's description that Gatehouse follows.
const apiVersion = "v1-20260710"

type serviceReply struct {
	Name      string               `json:"name"`
	Hostnames map[string]hostReply `json:"hostnames"`
}

type hostReply struct {
	HealthStatus    string           `json:"health_status" enum:"Healthy,Unhealthy"`
	LastHealthCheck healthCheckReply `json:"last_health_check"`
}

type healthCheckReply struct {
	InitiatedAt dsmwire.Time `json:"initiated_at"`
	FinishedAt  dsmwire.Time `json:"finished_at"`
	Result      string       `json:"result"`
}

type servicesReply struct {
	Items []serviceReply `json:"items"`
}

// serviceName is the one service that GET /sys/v1/services knows.
const serviceName = "gatehouse"

// system registers what the service says of itself, to anybody.
func (s *server) system() {
	register(s, endpoint[none, dsmwire.Version]{
		ID: "Version", Method: http.MethodGet, Path: "/sys/v1/version", Tag: "Version",
		Summary: "Versions of the service and its API", Open: true,
		Do: func(context.Context, *call[none]) (dsmwire.Version, error) { return s.versions(), nil },
	})
	register(s, endpoint[none, dsmwire.Version]{
		ID: "SystemInfo", Method: http.MethodGet, Path: "/sys/v1/info", Tag: "Misc",
		Summary: "Versions of the service and its API", Open: true,
		Do: func(context.Context, *call[none]) (dsmwire.Version, error) { return s.versions(), nil },
	})
	register(s, endpoint[none, none]{
		ID: "GetHealth", Method: http.MethodGet, Path: "/sys/v1/health", Tag: "Misc",
		Summary: "Whether the service can work", Open: true, Quiet: true,
		Query: []param{{Name: "consistency"}, {Name: "check_queues", Type: "boolean"}},
		Do:    func(ctx context.Context, _ *call[none]) (none, error) { return none{}, s.healthy(ctx) },
	})
	register(s, endpoint[none, servicesReply]{
		ID: "GetAllServices", Method: http.MethodGet, Path: "/sys/v1/services", Tag: "Misc",
		Summary: "The services of this node and their health", Open: true,
		Do: func(ctx context.Context, _ *call[none]) (servicesReply, error) {
			return servicesReply{Items: []serviceReply{s.ownService(ctx)}}, nil
		},
	})
	register(s, endpoint[none, serviceReply]{
		ID: "GetService", Method: http.MethodGet, Path: "/sys/v1/services/{name}", Tag: "Misc",
		Summary: "One service and its health", Open: true,
		Do: func(ctx context.Context, c *call[none]) (serviceReply, error) {
			if c.path("name") != serviceName {
				return serviceReply{}, fault.New(fault.NotFound, "service does not exist")
			}
			return s.ownService(ctx), nil
		},
	})
}

func (s *server) versions() dsmwire.Version {
	return dsmwire.Version{Version: s.cfg.Version, APIVersion: apiVersion, ServerMode: "Software"}
}

func (s *server) healthy(ctx context.Context) error {
	if s.cfg.Healthy == nil {
		return nil
	}
	return s.cfg.Healthy(ctx)
}

func (s *server) ownService(ctx context.Context) serviceReply {
	started := s.cfg.Now()
	err := s.healthy(ctx)
	host := hostReply{
		HealthStatus:    "Healthy",
		LastHealthCheck: healthCheckReply{InitiatedAt: dsmwire.NewTime(started), FinishedAt: dsmwire.NewTime(s.cfg.Now()), Result: "ok"},
	}
	if err != nil {
		_, host.LastHealthCheck.Result = answerFor(err, "")
		host.HealthStatus = "Unhealthy"
	}
	return serviceReply{Name: serviceName, Hostnames: map[string]hostReply{"localhost": host}}
}
