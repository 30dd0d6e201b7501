package rpc_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

func plaintext() grpc.DialOption { return grpc.WithTransportCredentials(insecure.NewCredentials()) }

func causeField(text string) zap.Field { return zap.String("cause", text) }

// nothing is a feed without items.
func nothing(func(credenza.Item) bool) {}

// detail returns the status's detail of a type, or its zero value.
func detail[T any](s *status.Status) T {
	for _, d := range s.Details() {
		if found, ok := d.(T); ok {
			return found
		}
	}
	var none T
	return none
}

func equal(t *testing.T, want, got any) bool {
	t.Helper()
	diff := cmp.Diff(want, got, cmpopts.EquateEmpty())
	if diff != "" {
		t.Errorf("want(-) got(+):\n%s", diff)
	}
	return diff == ""
}

func parts() rpc.Parts {
	return rpc.Parts{
		Engine: &fakeEngine{}, Authority: auth.New(nil), Operations: &fakeOperations{}, Taxonomy: testTaxonomy,
		Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
	}
}

func callerField(name string) zap.Field { return zap.String("caller", name) }
