package web

import (
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/cors"

	"github.com/credenza-dev/credenza/internal/drain"
	"github.com/credenza-dev/credenza/internal/fault"
)

// corsMaxAge is for how many seconds browsers may remember a preflight's answer;
// they take two hours at most.
const corsMaxAge = 7200

// routes returns the handler of all requests, and the paths that it answers.
func routes(config Config, parts Parts, calls *drain.Calls, record *recorder, page *page) (all http.Handler, paths []string) {
	mux := http.NewServeMux()
	handle := func(path string, handler http.Handler) {
		paths = append(paths, path)
		mux.Handle(path, handler)
	}
	for path, handler := range map[string]http.Handler{
		"/metrics": promhttp.HandlerFor(parts.Metrics, promhttp.HandlerOpts{}),
		"/healthz": http.HandlerFunc(alive),
		"/readyz":  readiness(parts),
	} {
		handle(path, only(http.MethodGet, handler))
	}
	open := openTo(config.Origins)
	about := &about{About: config.About, ready: parts.Ready}
	health := only(http.MethodGet, http.HandlerFunc(about.health))
	classify := only(http.MethodPost, record.calls(certified(config, (&compatible{
		config: config, engine: parts.Engine, callers: parts.Callers, calls: calls, traces: parts.Traces,
		anyOrigin: slices.Contains(config.Origins, "*"),
	}).serve)))
	for path, handler := range map[string]http.Handler{
		"/{$}":                   only(http.MethodGet, http.HandlerFunc(about.root)),
		"/health":                health,
		"/health/{$}":            health, // where the original sent on to the other one
		"/classify-category":     classify,
		"/classify-category/{$}": classify,
		"/{service}/{method}":    answerOptions(certifiedHandler(config, parts.Services)),
		"/":                      http.HandlerFunc(notFound),
	} {
		handle(path, open(handler))
	}
	if parts.Uploads != nil {
		uploads := &uploads{store: parts.Uploads, callers: parts.Callers, calls: calls}
		handle("/v1/uploads", open(only(http.MethodPost, record.calls(certified(config, uploads.serve)))))
	}
	if page != nil {
		handle("/ui", only(http.MethodGet, http.HandlerFunc(page.redirect)))
		for _, path := range pagePaths {
			handle(path, only(http.MethodGet, page))
		}
	}
	return bounded(config, parts, record.panics(mux)), paths
}

func alive(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }

// readiness says whether calls are taken. It names servers of the model that are
// away, which is no reason to send calls elsewhere: other replicas ask the same.
func readiness(parts Parts) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !parts.Ready() {
			http.Error(w, "not ready: starting, shutting down, or without its data folder", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
		if parts.Outages == nil {
			return
		}
		for _, o := range parts.Outages() {
			_, _ = fmt.Fprintf(w, "%v since %s\n", &o, timestamp(o.Since))
		}
	}
}

// openTo lets pages of the origins call, answers what browsers ask beforehand, and
// refuses pages of others: a browser keeps from them what is answered, and not
// that it is asked.
func openTo(origins []string) func(http.Handler) http.Handler {
	options := cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost},
		AllowedHeaders: []string{"*"},
		ExposedHeaders: []string{
			"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin", "Retry-After",
		},
		MaxAge: corsMaxAge,
	}
	if len(origins) == 0 { // which the library takes for all
		options.AllowOriginFunc = func(string) bool { return false }
	}
	rules := cors.New(options)
	return func(next http.Handler) http.Handler {
		return rules.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if origin := r.Header.Get("Origin"); origin != "" && !sameOrigin(r) && !rules.OriginAllowed(r) {
				w.Header().Set("Cache-Control", "no-store")
				writeError(w, fault.New(fault.PermissionDenied, "pages of %s may not call: allow the origin in the server's settings", origin))
				return
			}
			next.ServeHTTP(w, r)
		}))
	}
}

func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "http://"+r.Host || origin == "https://"+r.Host
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusNotFound, failure{"Not Found"})
}

// answerOptions answers OPTIONS in the services' place.
func answerOptions(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions {
			w.Header().Set("Allow", "GET, POST, OPTIONS") // GET for methods that only read
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// only answers OPTIONS, and refuses other methods than the one given. With GET it takes
// HEAD too.
func only(method string, next http.Handler) http.Handler {
	allow := method + ", OPTIONS"
	if method == http.MethodGet {
		allow = "GET, HEAD, OPTIONS"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == method, r.Method == http.MethodHead && method == http.MethodGet:
			next.ServeHTTP(w, r)
		case r.Method == http.MethodOptions:
			w.Header().Set("Allow", allow)
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", allow)
			writeJSON(w, http.StatusMethodNotAllowed, failure{"Method Not Allowed"})
		}
	})
}

// certified refuses a caller without a certificate, if one is required.
func certified(config Config, next endpoint) endpoint {
	return func(w *answer, r *http.Request) (string, error) {
		if err := checkCertificate(config, r); err != nil {
			return "", err
		}
		return next(w, r)
	}
}

func certifiedHandler(config Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := checkCertificate(config, r); err != nil {
			writeError(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func checkCertificate(config Config, r *http.Request) error {
	if !config.CertifiedCallers || (r.TLS != nil && len(r.TLS.VerifiedChains) > 0) {
		return nil
	}
	return fault.New(fault.PermissionDenied, "a certificate is needed: connect with one of an authority that this server knows")
}
