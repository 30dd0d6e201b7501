// Package fault is the project's one error type.
//
// A fault has a reason from a closed list, a public text that is safe to show to
// a caller and says what to do, and a cause that is for the log alone. Adapters
// turn their vendor's errors into faults where they happen; edges map them to
// status codes by Kind, and never look at a cause.
//
//	return fault.Wrap(err, fault.ImageUnreachable,
//		"the shop did not answer within 15 s: try again later")
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Fault is an error with a reason. It is immutable once built, and safe for
// concurrent use.
type Fault struct {
	// Reason is why, and decides Kind and Retryable.
	Reason Reason
	// Message is the public text.
	Message string
	// RetryAfter is how long to wait before trying again. 0: not known.
	RetryAfter time.Duration
	// Violations name the fields of a request that are wrong.
	Violations []Violation

	cause error
}

// Violation is one field that is wrong, and how.
type Violation struct {
	// Field is a path such as "options.batch_size" or "items[7].image_url".
	Field string
	// Message says what is wrong with it and what is right.
	Message string
}

// New returns a fault without a cause.
func New(reason Reason, format string, args ...any) *Fault {
	return &Fault{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns a fault with a cause, which is logged and never shown.
func Wrap(cause error, reason Reason, format string, args ...any) *Fault {
	f := New(reason, format, args...)
	f.cause = cause
	return f
}

// Invalid returns a fault for one wrong field of a request.
func Invalid(field, format string, args ...any) *Fault {
	message := fmt.Sprintf(format, args...)
	return &Fault{
		Reason:     InvalidRequest,
		Message:    field + ": " + message,
		Violations: []Violation{{Field: field, Message: message}},
	}
}

// After returns a copy of f that says when to try again.
func (f *Fault) After(d time.Duration) *Fault {
	c := *f
	c.RetryAfter = d
	return &c
}

// Error returns the reason, the public text and the cause: for logs, not for callers.
func (f *Fault) Error() string {
	s := f.Reason.String() + ": " + f.Message
	if f.cause != nil {
		s += ": " + f.cause.Error()
	}
	return s
}

// Unwrap returns the cause, or nil.
func (f *Fault) Unwrap() error { return f.cause }

// Kind is the reason's kind.
func (f *Fault) Kind() Kind { return f.Reason.Kind() }

// Retryable reports whether the same request may succeed later unchanged.
func (f *Fault) Retryable() bool { return f.Reason.Retryable() }

// From returns the fault in err's chain. A context's end becomes
// DeadlineExceeded or Cancelled, and any other error Internal with a text that
// gives nothing away. From(nil) is nil.
func From(err error) *Fault {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Wrap(err, DeadlineExceeded, "the deadline came before there was an answer: allow more time")
	case errors.Is(err, context.Canceled):
		return Wrap(err, Cancelled, "the caller went away")
	default:
		return Wrap(err, Internal, "a fault of the service: try again, and report it if it stays")
	}
}

// Is reports whether err's chain holds a fault with the reason.
func Is(err error, reason Reason) bool {
	f, ok := errors.AsType[*Fault](err)
	return ok && f.Reason == reason
}
