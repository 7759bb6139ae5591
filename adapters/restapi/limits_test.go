package restapi_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/adapters/restapi"
	"gatehouse/adapters/servercert"
)

const auth = "/sys/v1/session/auth" // open to anybody, and takes a body

func post(h http.Handler, path, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestBodiesThatAreNotTakenAreRefusedPlainly(t *testing.T) {
	t.Parallel()
	h, _ := alone(restapi.Config{})
	const asJSON = "application/json"
	deep := strings.Repeat("[", 4000) + strings.Repeat("]", 4000)
	for name, c := range map[string]struct {
		contentType, body string
		want              int
	}{
		"a form":                       {"application/x-www-form-urlencoded", "a=b", 415},
		"no type at all":               {"", `{"method":"saml-response"}`, 501},
		"another alphabet":             {asJSON + "; charset=utf-16", "{}", 415},
		"JSON in UTF-8":                {asJSON + "; charset=UTF-8", `{"method":"saml-response"}`, 501},
		"a type that is none":          {"???", "{}", 415},
		"not JSON":                     {asJSON, "not JSON", 400},
		"cut off":                      {asJSON, `{"method":"pass`, 400},
		"two values":                   {asJSON, `{}{}`, 400},
		"a list":                       {asJSON, `[]`, 400},
		"a number for text":            {asJSON, `{"method":7}`, 400},
		"an unknown enum value":        {asJSON, `{"method":"telepathy"}`, 400},
		"another unknown enum value":   {asJSON, `{"method":"password","token_type":"Biscuit"}`, 400},
		"not UTF-8":                    {asJSON, "{\"method\":\"\xff\"}", 400},
		"deep":                         {asJSON, `{"bind_to":` + deep + `}`, 501},
		"deep beyond reason":           {asJSON, strings.Repeat("[", 15_000), 400},
		"unknown fields and nulls":     {asJSON, `{"unknown":{"a":[1]},"token_type":null,"email":null,"method":"saml-response"}`, 501},
		"larger than this call takes":  {asJSON, `{"method":"` + strings.Repeat("x", 20<<10) + `"}`, 413},
		"blank":                        {asJSON, "  ", 401},
		"nothing, and no credential":   {asJSON, "", 401},
		"a token type that is unbuilt": {asJSON, `{"method":"password","token_type":"Cookie"}`, 501},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := post(h, auth, c.contentType, c.body)
			text := w.Body.String()
			if w.Code != c.want || text == "" || len(text) > 300 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
				t.Errorf("got %d %q, want %d and a line of text", w.Code, text, c.want)
			}
			for _, echoed := range []string{"telepathy", "Biscuit", "xxxx"} {
				if strings.Contains(text, echoed) {
					t.Errorf("%q echoes what was sent", text)
				}
			}
		})
	}
	r := httptest.NewRequest(http.MethodPost, auth, strings.NewReader("{}"))
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("a compressed body: got %d, want 415", w.Code)
	}
}

// endless is a body without end that does not tell its length.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func TestABodyWithoutEndIsCutOff(t *testing.T) {
	t.Parallel()
	h, _ := alone(restapi.Config{})
	body := &endless{}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, auth, body))
	if w.Code != http.StatusRequestEntityTooLarge || body.read > 128<<10 {
		t.Errorf("got %d after %d bytes, want 413 soon after the limit of 16 KiB", w.Code, body.read)
	}
}

// served is the API on a real listener over TLS.
func served(t *testing.T, cfg restapi.Config, connections int) (address string) {
	t.Helper()
	h, _ := alone(cfg)
	cert, err := servercert.In(t.TempDir()).LoadOrMake(nil, time.Now())
	must(t, err)
	l, err := restapi.Listen(t.Context(), "127.0.0.1:0", connections)
	must(t, err)
	server := restapi.Server(h, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}, slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- server.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		must(t, server.Close())
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func dial(t *testing.T, address string) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestASlowBodyIsGivenUp(t *testing.T) {
	t.Parallel()
	conn := dial(t, served(t, restapi.Config{BodyTimeout: 50 * time.Millisecond}, 0))
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"meth", auth)
	must(t, err)
	reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusBadRequest || !reply.Close {
		t.Errorf("got %d %q (%v), closing %v; want 400 and the connection closed", reply.StatusCode, text, err, reply.Close)
	}
}

func TestAConnectionOutlivesTheDeadlinesOfItsRequests(t *testing.T) {
	t.Parallel()
	cfg := restapi.Config{BodyTimeout: 300 * time.Millisecond, ReplyTimeout: 300 * time.Millisecond}
	conn := dial(t, served(t, cfg, 0))
	in := bufio.NewReader(conn)
	for _, request := range []string{
		"POST " + auth + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "GET /sys/v1/version HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "GET /docs HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		_, err := io.WriteString(conn, request)
		must(t, err)
		reply, err := http.ReadResponse(in, nil)
		must(t, err)
		_, err = io.Copy(io.Discard, reply.Body)
		must(t, err)
		must(t, reply.Body.Close())
		// Past both deadlines the server still keeps the connection, silently.
		must(t, conn.SetReadDeadline(time.Now().Add(500*time.Millisecond)))
		if _, err := in.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("after %q: got %v, want silence", request, err)
		}
		must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	}
}

func TestConnectionsBeyondTheLimitAreClosed(t *testing.T) {
	t.Parallel()
	address := served(t, restapi.Config{}, 2)
	first, second := dial(t, address), dial(t, address)
	must(t, first.Handshake())
	must(t, second.Handshake())
	if third, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}); err == nil {
		_ = third.Close()
		t.Fatal("a third connection was let in")
	}
	must(t, first.Close())
	// Its place is free once the server has noticed.
	for deadline := time.Now().Add(20 * time.Second); ; {
		next, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			must(t, next.Close())
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no place was freed:", err)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	address := served(t, restapi.Config{}, 0)
	if conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 was let in")
	}
	conn, err := net.Dial("tcp", address)
	must(t, err)
	defer func() { _ = conn.Close() }()
	must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(conn, "GET /sys/v1/version HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	if text, _ := io.ReadAll(conn); strings.Contains(string(text), "api_version") {
		t.Errorf("without TLS: got %q", text)
	}
}

func TestLargeBodiesShareABoundedMemory(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, restapi.Config{MaxBodies: 100 << 10})
	status, text := askAs(t, w.admin, http.MethodPost, "/sys/v1/groups", `{"name":"g","description":"`+strings.Repeat("x", 200<<10)+`"}`)
	if status != http.StatusServiceUnavailable || !strings.Contains(text, "large requests") {
		t.Errorf("got %d %q, want 503: the memory for large bodies is used up", status, text)
	}
	status, text = askAs(t, w.admin, http.MethodPost, "/sys/v1/groups", `{"name":"g"}`)
	if status != http.StatusCreated {
		t.Errorf("afterwards: got %d %q, want 201", status, text)
	}
}
