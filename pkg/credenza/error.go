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

const (
	codeInvalidArgument  = "INVALID_ARGUMENT"
	codeInternal         = "INTERNAL"
	codeUnavailable      = "UNAVAILABLE"
	reasonInvalidRequest = "INVALID_REQUEST"
)

// Error is the error of a call. Each method of Client returns errors of this type:
//
//	if e, ok := errors.AsType[*credenza.Error](err); ok && e.RetryAfter > 0 { ... }
//
// errors.Is finds context.Canceled and context.DeadlineExceeded in it.
type Error struct {
	// Code is the canonical name of the gRPC code, such as "INVALID_ARGUMENT".
	Code string
	// Reason is the server's stable name, such as "TOO_MANY_ITEMS". It is empty if the
	// error is not from the server, for example if that cannot be reached.
	Reason string
	// Cap is the cap of the caller that is reached, such as "items_per_day", if the reason
	// is "CAP_REACHED".
	Cap string
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
	if e.Reason == "" || e.Reason == e.Code {
		return e.Code + ": " + e.Message
	}
	return e.Code + " (" + e.Reason + "): " + e.Message
}

// Is reports whether target is the error of the context that ended the call.
func (e *Error) Is(target error) bool {
	return target == context.Canceled && e.Code == code.Code_CANCELLED.String() ||
		target == context.DeadlineExceeded && e.Code == code.Code_DEADLINE_EXCEEDED.String()
}

// GRPCStatus returns the code and the message for status.FromError and status.Code.
func (e *Error) GRPCStatus() *status.Status {
	return status.New(codes.Code(code.Code_value[e.Code]), e.Message)
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
	e := &Error{Code: code.Code(s.Code()).String(), Message: s.Message()}
	for _, detail := range s.Details() {
		e.add(detail)
	}
	return e
}

func (e *Error) add(detail any) {
	switch d := detail.(type) {
	case *errdetails.ErrorInfo:
		e.Reason, e.Cap = d.GetReason(), d.GetMetadata()["cap"]
	case *errdetails.BadRequest:
		for _, v := range d.GetFieldViolations() {
			e.Fields = append(e.Fields, FieldViolation{Field: v.GetField(), Message: v.GetDescription()})
		}
	case *errdetails.RetryInfo:
		e.RetryAfter = d.GetRetryDelay().AsDuration()
	}
}
