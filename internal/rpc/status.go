package rpc

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Domain is the domain of every google.rpc.ErrorInfo.
const Domain = "credenza.dev"

// defaultRetry is how long a caller of an overloaded server waits if the fault does
// not say.
const defaultRetry = time.Second

// codeOf is the one table from kinds to codes.
var codeOf = map[fault.Kind]codes.Code{
	fault.KindInternal:    codes.Internal,
	fault.KindInvalid:     codes.InvalidArgument,
	fault.KindUnknownUser: codes.Unauthenticated,
	fault.KindForbidden:   codes.PermissionDenied,
	fault.KindNotFound:    codes.NotFound,
	fault.KindConflict:    codes.FailedPrecondition,
	fault.KindOverloaded:  codes.ResourceExhausted,
	fault.KindTooLarge:    codes.ResourceExhausted, // as gRPC has it
	fault.KindUnavailable: codes.Unavailable,
	fault.KindDeadline:    codes.DeadlineExceeded,
	fault.KindCancelled:   codes.Canceled,
	fault.KindDataLoss:    codes.DataLoss,
}

// callError is a fault on its way to the caller: gRPC sends the status, the log
// takes the cause.
type callError struct {
	status *status.Status
	fault  *fault.Fault
}

// Error returns the public text without what the caller wrote.
func (e *callError) Error() string {
	if e.fault.Unlogged == "" {
		return e.status.Message()
	}
	return strings.ReplaceAll(e.status.Message(), e.fault.Unlogged, "...")
}

// GRPCStatus returns the status, for gRPC.
func (e *callError) GRPCStatus() *status.Status { return e.status }

// Unwrap returns the fault.
func (e *callError) Unwrap() error { return e.fault }

// mapFaults converts the error of a call to a status. An error of gRPC itself, such as
// for a message over the limit, has been sent already and is left as it is.
func mapFaults(ctx context.Context, _ string, next func(context.Context) error) error {
	err := next(ctx)
	if err == nil {
		return nil
	}
	if _, ours := errors.AsType[*fault.Fault](err); !ours {
		if _, theirs := status.FromError(err); theirs {
			return err
		}
	}
	f := fault.From(err)
	return &callError{status: statusOf(f, traceOf(ctx)), fault: f}
}

// statusOf builds the status of a fault: its code, its public text, its reason, the trace
// that the call is in if that is not empty, the fields that are wrong, and when to try again.
func statusOf(f *fault.Fault, traceID string) *status.Status {
	code, ok := codeOf[f.Kind()]
	if !ok {
		code = codes.Internal
	}
	s := status.New(code, text(f.Message))
	info := &errdetails.ErrorInfo{Reason: f.Reason.String(), Domain: Domain}
	for name, value := range map[string]string{"cap": f.Cap, "trace_id": traceID} {
		if value == "" {
			continue
		}
		if info.Metadata == nil {
			info.Metadata = map[string]string{}
		}
		info.Metadata[name] = value
	}
	details := []protoadapt.MessageV1{info}
	if len(f.Violations) > 0 {
		details = append(details, badRequest(f.Violations))
	}
	retry := f.RetryAfter
	if retry <= 0 && f.Kind() == fault.KindOverloaded {
		retry = defaultRetry
	}
	if retry > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(retry)})
	}
	detailed, err := s.WithDetails(details...)
	if err != nil { // a detail that cannot be encoded; the code still can
		return s
	}
	return detailed
}

func badRequest(violations []fault.Violation) *errdetails.BadRequest {
	b := &errdetails.BadRequest{}
	for _, v := range violations {
		b.FieldViolations = append(b.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field: text(v.Field), Description: text(v.Message),
		})
	}
	return b
}
