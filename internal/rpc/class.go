package rpc

import (
	"context"
	"strings"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/credenza-dev/credenza/internal/drain"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// admit is an interceptor that admits calls until the server goes down.
func (s *Server) admit(ctx context.Context, method string, next func(context.Context) error) error {
	return s.calls.Around(ctx, classOf(method), next)
}

func classOf(method string) drain.Class {
	switch {
	case method == credenzav1.ClassificationService_ClassifyFeed_FullMethodName,
		method == credenzav1.JobService_WatchJob_FullMethodName:
		return drain.Endless
	case isAuxiliary(serviceOf(method)):
		return drain.Auxiliary
	default:
		return drain.Finite
	}
}

// isAuxiliary reports whether a service is health or reflection.
func isAuxiliary(service string) bool {
	return service == grpc_health_v1.Health_ServiceDesc.ServiceName || strings.HasPrefix(service, "grpc.reflection.")
}

// serviceOf returns the service of a method's full name, "/service/method".
func serviceOf(method string) string {
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	return service
}
