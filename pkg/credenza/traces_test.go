package credenza_test

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// TestTraces_FollowTheProgramsProvider makes a call before and after the program sets
// OpenTelemetry's global provider and propagator.
func TestTraces_FollowTheProgramsProvider(t *testing.T) {
	var seen []string
	c := dial(t, &fakeServer{one: func(ctx context.Context, _ *credenzav1.ClassifyRequest) (*credenzav1.ClassifyResponse, error) {
		seen = append(seen, strings.Join(metadata.ValueFromIncomingContext(ctx, "traceparent"), ","))
		return nil, status.Error(codes.Aborted, "no")
	}})
	ask := func(ctx context.Context) {
		if _, err := c.Classify(ctx, credenza.Item{}, credenza.Options{}); status.Code(err) != codes.Aborted {
			t.Fatal(err)
		}
	}
	ask(t.Context())
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	ctx, own := provider.Tracer("test").Start(t.Context(), "import")
	ask(ctx)
	own.End()
	if seen[0] != "" || !strings.Contains(seen[1], own.SpanContext().TraceID().String()) {
		t.Errorf("the server saw %q", seen)
	}
	ended := spans.Ended()
	if len(ended) != 2 || ended[0].Name() != "credenza.v1.ClassificationService/Classify" || ended[0].Parent().SpanID() != own.SpanContext().SpanID() {
		t.Errorf("%d spans: %v", len(ended), ended)
	}
}
