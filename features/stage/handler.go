package stage

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// handlerTransport carries requests to a handler in this process. Replies
// stream, and a client that closes a reply early ends the request's context, as
// over a network.
type handlerTransport struct{ handler http.Handler }

// RoundTrip runs the handler and returns once it has sent its header.
func (t handlerTransport) RoundTrip(out *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(out.Context())
	in := out.Clone(ctx)
	in.RequestURI, in.RemoteAddr = in.URL.RequestURI(), "127.0.0.1:1"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	read, write := io.Pipe()
	w := &replyWriter{header: http.Header{}, body: write, begun: make(chan struct{})}
	go func() {
		defer cancel()
		t.handler.ServeHTTP(w, in)
		w.WriteHeader(http.StatusOK)
		_ = write.Close() // never fails
	}()
	select {
	case <-w.begun:
	case <-out.Context().Done():
		_ = read.Close() // never fails
		return nil, out.Context().Err()
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: replyBody{read, cancel}, ContentLength: -1, Request: out,
	}, nil
}

// replyBody ends the request when it is closed.
type replyBody struct {
	*io.PipeReader

	cancel context.CancelFunc
}

// Close ends the request.
func (b replyBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}

// replyWriter hands header and body of a reply over.
type replyWriter struct {
	header http.Header
	body   *io.PipeWriter

	once   sync.Once
	begun  chan struct{} // closed when status and sent are there
	status int
	sent   http.Header
}

// Header returns the header that the handler fills in.
func (w *replyWriter) Header() http.Header { return w.header }

// WriteHeader sends the header.
func (w *replyWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.begun)
	})
}

// Write sends a part of the body.
func (w *replyWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Flush does nothing: what is written is sent.
func (w *replyWriter) Flush() { w.WriteHeader(http.StatusOK) }
