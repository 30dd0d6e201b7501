package llmsim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// sendJSON writes a value. The simulator's own values always have a JSON form.
func sendJSON(w http.ResponseWriter, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		sendError(w, &apiError{http.StatusInternalServerError, "server_error", "", "", "The answer has no JSON form."})
		return
	}
	send(w, http.StatusOK, typeJSON, append(body, '\n'))
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	sendJSON(w, map[string]string{"status": "ok"})
}

func (s *Server) listModels(w http.ResponseWriter, _ *http.Request) {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		OwnedBy string `json:"owned_by"`
	}
	names := s.config.Models
	if len(names) == 0 {
		names = []string{"gpt-4o-mini"} // any name is served; a client that looks needs one
	}
	list := make([]model, 0, len(names))
	for _, name := range names {
		list = append(list, model{name, "model", s.start.Unix(), "llmsim"})
	}
	sendJSON(w, map[string]any{"object": "list", "data": list})
}

func (s *Server) showStats(w http.ResponseWriter, _ *http.Request) { sendJSON(w, s.Stats()) }

func (s *Server) resetStats(w http.ResponseWriter, _ *http.Request) {
	s.ResetStats()
	w.WriteHeader(http.StatusNoContent)
}

// outage begins (POST) or ends (DELETE) an outage.
func (s *Server) outage(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodDelete:
		s.EndOutage()
	case http.MethodPost:
		o, err := outageOf(r)
		if err == nil {
			err = s.SetOutage(o)
		}
		if err != nil {
			sendError(w, badRequest(fault.From(err).Message, "", ""))
			return
		}
	default:
		w.Header().Set("Allow", "POST, DELETE")
		sendError(w, errMethod)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// outageOf reads the query: kind, and where they are there for and in_flight.
func outageOf(r *http.Request) (Outage, error) {
	query := r.URL.Query()
	o := Outage{Kind: OutageKind(query.Get("kind"))}
	var err error
	if text := query.Get("for"); text != "" {
		if o.For, err = time.ParseDuration(text); err != nil {
			return o, fault.Invalid("for", "%q is no duration: use one such as 10s", text)
		}
	}
	if text := query.Get("in_flight"); text != "" {
		if o.InFlight, err = strconv.ParseBool(text); err != nil {
			return o, fault.Invalid("in_flight", "%q is neither true nor false", text)
		}
	}
	return o, nil
}
