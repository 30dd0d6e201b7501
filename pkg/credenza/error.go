package credenza

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Error is the error of a call. Each method of Client returns errors of this type:
//
//	if e, ok := errors.AsType[*credenza.Error](err); ok && e.RetryAfter > 0 { ... }
//
// errors.Is finds context.Canceled and context.DeadlineExceeded in it.
type Error struct {
	// Code is that of gRPC, such as CodeInvalidArgument.
	Code Code
	// Reason is the server's reason, such as ReasonTooManyItems. It is empty if the error is
	// not from the server, for example if that cannot be reached.
	Reason Reason
	// Cap is the cap of the caller that is reached, such as "items_per_day", if the reason
	// is ReasonCapReached.
	Cap string
	// TraceID is the id of the trace that the call is in on a server that traces, by which
	// its operator finds the call. Empty: there is none.
	TraceID string
	// Message describes for people what happened and what to do.
	Message string
	// Fields are the parts of the request that are wrong.
	Fields []FieldViolation
	// RetryAfter is how long to wait before the call is repeated. 0: not known.
	RetryAfter time.Duration
}

// FieldViolation is one part of a request that is wrong, and how.
type FieldViolation struct {
	// Field is a path such as "options.batch_size".
	Field   string
	Message string
}

// Error returns the code, the reason and the message.
func (e *Error) Error() string {
	if e.Reason == "" || string(e.Reason) == string(e.Code) {
		return string(e.Code) + ": " + e.Message
	}
	return string(e.Code) + " (" + string(e.Reason) + "): " + e.Message
}

// Is reports whether target is the error of the context that ended the call.
func (e *Error) Is(target error) bool {
	return target == context.Canceled && e.Code == CodeCancelled ||
		target == context.DeadlineExceeded && e.Code == CodeDeadlineExceeded
}

// GRPCStatus returns the code and the message for status.FromError and status.Code.
func (e *Error) GRPCStatus() *status.Status {
	return status.New(codes.Code(code.Code_value[string(e.Code)]), e.Message)
}

// errorFrom returns gRPC's error as an *Error, and nil for nil.
func errorFrom(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	s, ok := status.FromError(err)
	if !ok { // a bare end of the context, as gRPC has it in a few places
		s = status.FromContextError(err)
	}
	e := &Error{Code: Code(code.Code(s.Code()).String()), Message: s.Message()}
	for _, detail := range s.Details() {
		e.add(detail)
	}
	return e
}

func (e *Error) add(detail any) {
	switch d := detail.(type) {
	case *errdetails.ErrorInfo:
		e.Reason, e.Cap, e.TraceID = Reason(d.GetReason()), d.GetMetadata()["cap"], d.GetMetadata()["trace_id"]
	case *errdetails.BadRequest:
		for _, v := range d.GetFieldViolations() {
			e.Fields = append(e.Fields, FieldViolation{Field: v.GetField(), Message: v.GetDescription()})
		}
	case *errdetails.RetryInfo:
		e.RetryAfter = d.GetRetryDelay().AsDuration()
	}
}
