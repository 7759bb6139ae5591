package restapi

import (
	"context"
	"net/http"
)

// apiVersion is the version of the API's description that Gatehouse follows.
const apiVersion = "v1-20260710"

type versionReply struct {
	Version    string `json:"version" doc:"major.minor.build of Gatehouse"`
	APIVersion string `json:"api_version"`
	ServerMode string `json:"server_mode" enum:"Software,Sgx"`
}

// version registers the description of the service itself.
func (s *server) version() {
	register(s, endpoint[none, versionReply]{
		ID: "Version", Method: http.MethodGet, Path: "/sys/v1/version", Tag: "Version",
		Summary: "Versions of the service and its API", Open: true,
		Do: func(context.Context, *call[none]) (versionReply, error) { return s.versions(), nil },
	})
}

func (s *server) versions() versionReply {
	return versionReply{Version: s.cfg.Version, APIVersion: apiVersion, ServerMode: "Software"}
}
