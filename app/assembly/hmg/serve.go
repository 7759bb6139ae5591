package hmg

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"gatehouse/adapters/health"
	"gatehouse/adapters/hmgserver"
	"gatehouse/adapters/metrics"
	"gatehouse/adapters/tlsconf"
	"gatehouse/app/assembly/version"
	"gatehouse/app/gateway"
	"gatehouse/app/meter"
	"gatehouse/app/report"
)

// probeEvery is the clock of the gateway's probes, reloadEvery that of looks at
// the TLS files where the configuration does not say.
const (
	probeEvery  = time.Second
	reloadEvery = 2 * time.Second
)

// Addresses are where a gateway that runs listens; nil where it does not.
type Addresses struct{ Service, Health, HealthTLS net.Addr }

// Serve runs a gateway over lib until ctx ends, lets the requests under way end,
// and closes lib. ready, when not nil, is called once requests are served.
func Serve(ctx context.Context, cfg Config, lib Library, log *slog.Logger, ready func(Addresses)) (err error) {
	defer func() { err = errors.Join(err, lib.Close()) }()
	live, err := tlsconf.NewLive(tlsconf.LiveConfig{Load: cfg.loadTLS, Files: cfg.tlsFiles, Now: time.Now, Log: log})
	if err != nil {
		return err
	}
	listeners, err := cfg.listen(ctx)
	if err != nil {
		return err
	}
	defer listeners.close()

	gw := gateway.New(gateway.Config{Open: lib.Open, Answers: lib.Answers, Isolated: lib.Isolated, Now: time.Now, Log: log})
	counts := meter.New(time.Now)
	server := hmgserver.New(hmgserver.Config{
		Lanes: hmgserver.LaneLimits{OperationQueue: cfg.Queue, QueueTime: cfg.QueueTime}, Meter: counts,
		Gateway: gw, TLS: live.Config(nil), Vouch: live.Vouch, Log: log, Software: "gatehouse-hmg " + version.Number, Uninterruptible: lib.Uninterruptible,
	})
	background, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlasts ctx: requests are drained
	defer stop()
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	gw.Probe(background)
	go gw.Watch(background, ticker.C)
	looks := time.NewTicker(cmp.Or(cfg.Reload, reloadEvery))
	defer looks.Stop()
	go live.Follow(background, looks.C, cfg.Hangup, server.Recheck)

	sources := report.Sources{
		Version: version.Number, Library: cfg.Library, Started: time.Now(), Now: time.Now,
		Gateway: gw, Workers: lib.Workers, Traffic: server.Traffic, Dates: dates(live), Meter: counts,
	}
	healthy := health.Cached(gw.Healthy, time.Now)
	open := health.Handler(healthy)
	private := open
	if live.Mutual() {
		private = health.PrivateHandler(healthy, health.Private{Vouch: live.Vouch, Detail: sources.Make, Metrics: metrics.Handler(sources)})
	}
	ended := make(chan error, 3)
	go func() { ended <- server.Serve(background, listeners.service) }()
	serving := 1
	for _, h := range []struct {
		l        net.Listener
		settings *tls.Config
		handler  http.Handler
	}{{listeners.health, nil, open}, {listeners.healthTLS, live.Config(askingClients), private}} {
		if h.l != nil {
			serving++
			go func() { ended <- health.Serve(background, h.l, h.settings, h.handler, log) }()
		}
	}
	log.Info("serving", slog.String("version", version.Number), slog.Any("address", listeners.service.Addr()),
		slog.Bool("mutual TLS", live.Mutual()))
	if !live.Mutual() {
		log.Warn("CA_FILE is not set: anybody who reaches the port may try PINs")
	}
	if ready != nil {
		ready(listeners.addresses())
	}

	var failed error
	select {
	case failed = <-ended:
		serving--
	case <-ctx.Done():
		log.Info("stopping: waiting for the requests under way")
	}
	drain, cancel := context.WithTimeout(background, cfg.Drain)
	defer cancel()
	if err := errors.Join(server.Shutdown(drain), gw.Close(drain)); err != nil {
		log.Warn("requests were cut off", slog.Any("error", err))
	}
	stop()
	for range serving {
		failed = errors.Join(failed, <-ended)
	}
	return failed
}

// askingClients turns settings into some that refuse no client: load balancers
// have no certificate, or some other. Who shows one is asked about at each
// request that needs it.
func askingClients(c *tls.Config) {
	if c.ClientCAs != nil {
		c.ClientAuth = tls.RequestClientCert
	}
}

// dates tells when the certificates end.
func dates(live *tlsconf.Live) func() []report.Date {
	return func() []report.Date {
		var list []report.Date
		for _, d := range live.Dates() {
			list = append(list, report.Date{Setting: d.Setting, Subject: d.Subject, Expires: d.NotAfter})
		}
		return list
	}
}

type listeners struct{ service, health, healthTLS net.Listener }

// listen opens the ports, and tells of all that it cannot open; port 0 of the
// health checks is none.
func (c Config) listen(ctx context.Context) (ls listeners, err error) {
	var wrong []error
	for i, l := range []*net.Listener{&ls.service, &ls.health, &ls.healthTLS} {
		p := c.ports()[i]
		if p.number == 0 && i > 0 {
			continue
		}
		if *l, err = c.open(ctx, p); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		ls.close()
		return listeners{}, errors.Join(wrong...)
	}
	return ls, nil
}

func (ls listeners) close() {
	for _, l := range []net.Listener{ls.service, ls.health, ls.healthTLS} {
		if l != nil {
			l.Close()
		}
	}
}

func (ls listeners) addresses() (a Addresses) {
	a.Service = ls.service.Addr()
	if ls.health != nil {
		a.Health = ls.health.Addr()
	}
	if ls.healthTLS != nil {
		a.HealthTLS = ls.healthTLS.Addr()
	}
	return a
}
