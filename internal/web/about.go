package web

import (
	"net/http"
	"time"
)

// about answers what the service is and whether it is healthy.
type about struct {
	About
	ready func() bool
}

type rootAnswer struct {
	Message    string            `json:"message"`
	Version    string            `json:"version"`
	Endpoints  map[string]string `json:"endpoints"`
	Categories []string          `json:"supported_categories"`
}

func (a *about) root(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, rootAnswer{
		Message: serviceName,
		Version: a.Version,
		Endpoints: map[string]string{
			"/classify-category": "POST - Classify furniture items, answered as server-sent events",
			"/health":            "GET - Health check",
			"/credenza.v1.ClassificationService/Classify":       "POST - Classify one item (JSON; also Connect, gRPC-Web and gRPC)",
			"/credenza.v1.ClassificationService/GetTaxonomy":    "POST - Categories and styles with their descriptions",
			"/credenza.v1.ClassificationService/ClassifyStream": "POST - Classify items as a stream (Connect, gRPC-Web and gRPC)",
			"/metrics": "GET - Metrics for Prometheus",
		},
		Categories: a.Categories,
	})
}

const serviceName = "Furniture Category Classification API"

type healthAnswer struct {
	Status     string `json:"status"`
	Timestamp  string `json:"timestamp"`
	Configured bool   `json:"openai_configured"`
	Service    string `json:"service"`
}

// health says "healthy" for as long as new calls are taken, so that a balancer
// that asks here sends them elsewhere in time.
func (a *about) health(w http.ResponseWriter, _ *http.Request) {
	answer := healthAnswer{"healthy", timestamp(time.Now()), a.Model, serviceName}
	status := http.StatusOK
	if !a.ready() {
		answer.Status, status = "unavailable", http.StatusServiceUnavailable
	}
	writeJSON(w, status, answer)
}

// timestamp is ISO 8601 in a form that the parsers of Python, from 3.7 on, and of
// JavaScript take.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000-07:00") }
