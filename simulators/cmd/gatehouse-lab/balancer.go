package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"

	"gatehouse/simulators/lab"
)

type balancerCmd struct {
	Dir string `default:".lab" help:"The lab's folder, made anew each time." placeholder:"DIR"`
}

// things are what can happen to the gateways, as they are typed.
var things = map[string]func(context.Context, *lab.Node) error{
	"kill":    func(_ context.Context, n *lab.Node) error { return n.Kill() },
	"start":   func(ctx context.Context, n *lab.Node) error { return n.Start(ctx) },
	"freeze":  func(_ context.Context, n *lab.Node) error { return n.Freeze() },
	"thaw":    func(_ context.Context, n *lab.Node) error { return n.Thaw() },
	"copy":    func(ctx context.Context, n *lab.Node) error { return n.CopyHSM(ctx) },
	"hang":    func(_ context.Context, n *lab.Node) error { return n.HangHSM() },
	"release": func(_ context.Context, n *lab.Node) error { return n.ReleaseHSM() },
	"remove":  func(_ context.Context, n *lab.Node) error { return n.RemoveHSM() },
	"wipe":    func(ctx context.Context, n *lab.Node) error { return n.ReinitialiseHSM(ctx) },
	"restore": func(_ context.Context, n *lab.Node) error { return n.RestoreHSM() },
}

// Run starts two gateways behind HAProxy, and does to them what is typed.
func (r *balancerCmd) Run(ctx context.Context, c *cli) (err error) {
	l, err := lab.New(lab.Options{Dir: r.Dir, Programs: c.Programs, PIN: rand.Text()[:8]})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := l.MakeToken(ctx); err != nil {
		return err
	}
	b, err := l.StartBalancer(ctx, "balancer", l.Token)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := l.StartService(ctx); err != nil {
		return err
	}
	names := make([]string, 0, len(things))
	for name := range things {
		names = append(names, name)
	}
	sort.Strings(names)
	out := os.Stdout
	fmt.Fprintf(out, "load balancer   %s, as %s has it\nservice         %s, %s with the password %s\nHSM             slot %d, PIN %s, trust %s\n",
		b.Address, b.Config, l.Service.Endpoint, l.Service.Email, l.Service.Password, l.Token.Slot, l.Token.PIN, l.Gateway.TLS.CA)
	fmt.Fprintf(out, "Type what shall happen to gateway 1 or 2, such as: kill 1\n  %s\nhang, remove, wipe and restore need a copy of the HSM: copy 2. Ctrl-C ends.\n", strings.Join(names, ", "))
	go follow(ctx, b, out)
	return obey(ctx, b, os.Stdin, out)
}

// obey does what is typed until ctx or the input ends.
func obey(ctx context.Context, b *lab.Balancer, in io.Reader, out io.Writer) error {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			lines <- s.Text()
		}
	}()
	for {
		var line string
		var more bool
		select {
		case <-ctx.Done():
			return nil
		case line, more = <-lines:
			if !more {
				return nil
			}
		}
		var name string
		var n int
		if _, err := fmt.Sscan(line, &name, &n); err != nil || things[name] == nil || n < 1 || n > len(b.Nodes) {
			fmt.Fprintf(out, "%q is nothing that can happen\n", line)
			continue
		}
		if err := things[name](ctx, b.Nodes[n-1]); err != nil {
			fmt.Fprintln(out, err)
		}
	}
}

// follow tells whenever the load balancer changes its mind.
func follow(ctx context.Context, b *lab.Balancer, out io.Writer) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		servers, err := b.Servers(ctx)
		if err != nil {
			continue
		}
		text := ""
		for _, s := range servers {
			text += fmt.Sprintf("  %s up: %t (%s), %d connections", s.Name, s.Up, s.Check, s.Sessions)
		}
		if text != last {
			last = text
			fmt.Fprintln(out, time.Now().Format("15:04:05.0")+text)
		}
	}
}
