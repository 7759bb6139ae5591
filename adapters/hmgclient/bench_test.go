package hmgclient_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/adapters/hmgclient"
	"gatehouse/adapters/hmgserver"
	"gatehouse/adapters/tlsconf"
	"gatehouse/app/gateway"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// The benchmark's gateway is a process of its own, as in life: this program
// started again with the variable set to a folder of certificates.
const gatewayVariable = "GATEHOUSE_BENCH_GATEWAY"

func TestMain(m *testing.M) {
	if dir := os.Getenv(gatewayVariable); dir != "" {
		if err := serveBench(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveBench serves a token that does nothing, until standard input ends.
func serveBench(dir string) error {
	loaded, err := tlsconf.Server(tlsconf.ServerFiles{Cert: filepath.Join(dir, "server.pem"), ClientCA: filepath.Join(dir, "ca.pem")})
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	g := gateway.New(gateway.Config{
		Open: func(context.Context, uint, secret.Value) (token.Token, error) {
			return &stub{operate: func(operations.Operation) (operations.Result, error) {
				return operations.Result{Output: make([]byte, 70)}, nil
			}}, nil
		},
		Answers: func(context.Context) error { return nil }, Now: time.Now, Log: log,
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	ctx, stop := context.WithCancel(context.Background())
	go func() { _, _ = os.Stdin.Read(make([]byte, 1)); stop() }()
	return hmgserver.New(hmgserver.Config{Gateway: g, TLS: loaded.Config, Log: log}).Serve(ctx, l)
}

// startBench starts it, and returns its configuration and how much processor
// time it has used.
func startBench(b *testing.B) (hmgclient.Config, func() time.Duration) {
	b.Helper()
	p, dir := newPKI(b), b.TempDir()
	server := p.server.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(server.PrivateKey)
	if err != nil {
		b.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.ca.Raw})
	for name, content := range map[string][]byte{"server.pem": text, "ca.pem": ca} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), gatewayVariable+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Errorf("the gateway: %v", err)
		}
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	cfg := hmgclient.Config{Address: strings.TrimSpace(address), TLS: p.client, PIN: secret.FromString(testPIN)}
	return cfg, func() time.Duration { return used(b, cmd.Process.Pid) }
}

// BenchmarkRoundTrip measures what the hop costs: a P-256 signature's request
// and answer, with a token that does nothing, over mutual TLS on one connection
// between two processes. cpu-ns/op counts both.
func BenchmarkRoundTrip(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(strconv.Itoa(callers)+" callers", func(b *testing.B) {
			cfg, theirs := startBench(b)
			tok, err := hmgclient.Dial(b.Context(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer tok.Close() //nolint:errcheck // the benchmark is over
			ref := hsm.Ref{
				Class: hsm.PrivateKey, Type: keys.EC, ID: bytes.Repeat([]byte{7}, 16),
				Label: []byte("signing key 1"), Fingerprint: bytes.Repeat([]byte{9}, 32),
			}
			op := operations.Sign{Hash: operations.SHA256, Prehashed: true, Input: bytes.Repeat([]byte{1}, 32)}
			each := b.N/callers + 1
			var wg sync.WaitGroup
			b.ReportAllocs()
			start, ours0, theirs0 := time.Now(), used(b, os.Getpid()), theirs()
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for range each {
						if _, err := tok.Operate(b.Context(), ref, op); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			n := float64(each * callers)
			b.ReportMetric(float64(used(b, os.Getpid())-ours0)/n, "client-cpu-ns/op")
			b.ReportMetric(float64(theirs()-theirs0)/n, "gateway-cpu-ns/op")
			b.ReportMetric(n/time.Since(start).Seconds(), "op/s")
		})
	}
}

// used returns the processor time that a process has used.
func used(b *testing.B, pid int) time.Duration {
	b.Helper()
	if pid == os.Getpid() {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	var total time.Duration
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		b.Skip("only Linux tells another process's time")
	}
	for _, t := range threads {
		text, err := os.ReadFile(t)
		if err != nil {
			continue // it ended
		}
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		total += time.Duration(ns)
	}
	return total
}
