package restapi

import (
	"embed"
	"io/fs"
	"net/http"
)

// pageFiles are what a browser loads to show the API: nothing comes from another
// host, and it draws /openapi.json without any markup from it.
//
//go:embed page
var pageFiles embed.FS

// docs registers the page that shows the API.
func (s *server) docs() {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for path, file := range map[string]struct{ name, content string }{
		"/docs":          {"page/index.html", "text/html; charset=utf-8"},
		"/docs/page.js":  {"page/page.js", "text/javascript; charset=utf-8"},
		"/docs/page.css": {"page/page.css", "text/css; charset=utf-8"},
	} {
		s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			body, err := fs.ReadFile(pageFiles, file.name)
			if err != nil {
				s.refuse(w, r, err)
				return
			}
			h := w.Header()
			h.Set("Content-Type", file.content)
			h.Set("Content-Security-Policy", policy)
			h.Set("Referrer-Policy", "no-referrer")
			_, _ = w.Write(body) // a client that has gone needs no reply
		})
	}
}
