package testkit

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// CollectedSpan is a span as a collector got it.
type CollectedSpan struct {
	*tracev1.Span
	TraceID string
	Scope   string
	// Process are the attributes of the process that made the span.
	Process map[string]string
}

// Attribute returns an attribute in words; empty: there is none.
func (s *CollectedSpan) Attribute(name string) string { return inWords(s.GetAttributes())[name] }

// Collector is a collector of traces that takes OTLP over HTTP and keeps the spans.
type Collector struct {
	URL string

	mu     sync.Mutex
	spans  []*CollectedSpan
	header http.Header
	bodies []byte
}

// ServeCollector serves a collector on loopback until the test's end.
func ServeCollector(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

func (c *Collector) take(r *http.Request) error {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			return err
		}
		body = unpacked
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var req coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(b, &req); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.header, c.bodies = r.Header, append(c.bodies, b...)
	for _, resource := range req.GetResourceSpans() {
		process := inWords(resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, &CollectedSpan{s, hex.EncodeToString(s.GetTraceId()), scope.GetScope().GetName(), process})
			}
		}
	}
	return nil
}

// Spans returns the spans so far.
func (c *Collector) Spans() []*CollectedSpan {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*CollectedSpan(nil), c.spans...)
}

// Header returns the headers of the last request.
func (c *Collector) Header() http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.header
}

// Raw returns the bodies of all requests.
func (c *Collector) Raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.bodies)
}

func inWords(attributes []*commonv1.KeyValue) map[string]string {
	words := map[string]string{}
	for _, a := range attributes {
		switch v := a.GetValue().GetValue().(type) {
		case *commonv1.AnyValue_StringValue:
			words[a.GetKey()] = v.StringValue
		case *commonv1.AnyValue_IntValue:
			words[a.GetKey()] = fmt.Sprint(v.IntValue)
		case *commonv1.AnyValue_BoolValue:
			words[a.GetKey()] = fmt.Sprint(v.BoolValue)
		default:
			words[a.GetKey()] = a.GetValue().String()
		}
	}
	return words
}
