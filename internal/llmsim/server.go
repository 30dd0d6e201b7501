package llmsim

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Server is a simulated model server. It is an http.Handler and safe for
// concurrent use. It holds nothing that has to be closed; a call in it ends with its
// request's context at the latest.
type Server struct {
	config Config
	start  time.Time
	rules  Behaviour
	slots  *semaphore.Weighted // first in, first out
	loaded atomic.Bool         // the model is in memory
	own    *http.ServeMux

	// One short lock for each station of a call is far from the bottleneck at the
	// rates of one machine.
	mu        sync.Mutex
	serial    uint64
	first     time.Duration // the arrival of the first call
	busySince time.Duration // the arrival of the last call that found no other in flight
	keys      []*key        // in the order in which they came
	bySecret  map[string]*key
	outages   []Outage
	shapes    map[uint64]*shape
	period    period
}

// New returns a server whose clock starts now. The error is a *fault.Fault that
// names the field of config that is wrong.
func New(config Config) (*Server, error) {
	rules, err := config.rules()
	if err = cmp.Or(config.check(), err); err != nil {
		return nil, err
	}
	config.Latency.Cap = cmp.Or(config.Latency.Cap, math.MaxInt64/2)
	config.Slots = cmp.Or(config.Slots, math.MaxInt)
	s := &Server{
		config: config, start: time.Now(), rules: rules, outages: append([]Outage{{}}, config.Outages...),
		slots: semaphore.NewWeighted(int64(config.Slots)), shapes: make(map[uint64]*shape),
		bySecret: make(map[string]*key),
	}
	s.ResetStats()
	s.own = s.ownEndpoints()
	if err := s.addKeys(); err != nil {
		return nil, err
	}
	return s, nil
}

// now is the time since New.
func (s *Server) now() time.Duration { return time.Since(s.start) }

// ServeHTTP serves the API under any base path, and the server's own endpoints.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/chat/completions") && r.Method == http.MethodPost:
		s.chat(w, r)
	case strings.HasSuffix(path, "/chat/completions"):
		sendError(w, errMethod)
	case strings.HasSuffix(path, "/models"):
		s.listModels(w)
	default:
		s.own.ServeHTTP(w, r)
	}
}

// ownEndpoints are those of the simulator itself.
func (s *Server) ownEndpoints() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { sendJSON(w, map[string]string{"status": "ok"}) })
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { sendJSON(w, s.Stats()) })
	changed := func(w http.ResponseWriter, err error) {
		if err != nil {
			sendError(w, invalidRequest(http.StatusBadRequest, "", "", fault.From(err).Message))
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
	mux.HandleFunc("POST /stats/reset", func(w http.ResponseWriter, _ *http.Request) { s.ResetStats(); changed(w, nil) })
	mux.HandleFunc("POST /admin/outage", func(w http.ResponseWriter, r *http.Request) { changed(w, s.beginOutage(r)) })
	mux.HandleFunc("DELETE /admin/outage", func(w http.ResponseWriter, _ *http.Request) { s.EndOutage(); changed(w, nil) })
	return mux
}

func (s *Server) listModels(w http.ResponseWriter) {
	switch s.config.ModelList {
	case "none":
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	case "":
	default:
		send(w, http.StatusOK, []byte(s.config.ModelList), len(s.config.ModelList))
		return
	}
	names := s.config.Models
	if len(names) == 0 {
		names = []string{"gpt-6-luna"} // any name is served; a client that looks needs one
	}
	var list []any
	for _, name := range names {
		list = append(list, map[string]any{"id": name, "object": "model", "created": s.start.Unix(), "owned_by": "llmsim"})
	}
	sendJSON(w, map[string]any{"object": "list", "data": list})
}

// Run serves on the listener until ctx ends. Then it cuts the calls in flight,
// closes the listener and every connection, waits for their goroutines and
// returns nil. The error is the listener's.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	var conns sync.WaitGroup
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: time.Minute,
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				conns.Add(1)
			case http.StateHijacked, http.StateClosed:
				conns.Done()
			default:
			}
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.Serve(listener)
	_ = server.Close() // if it is the listener that failed
	conns.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
