// Package fault is the project's one error type.
//
// A fault has a reason from a closed list, a public text that tells the caller what to
// do, and a cause for the log only. Adapters turn their vendor's errors into faults.
// Edges map faults to status codes by Kind, and ignore the cause.
//
//	return fault.Wrap(err, fault.ImageUnreachable,
//		"the shop did not answer within 15 s: try again later")
package fault

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Fault is an error with a reason. It is immutable and safe for concurrent use.
type Fault struct {
	// Reason decides Kind and Retryable.
	Reason Reason
	// Message is the public text.
	Message string
	// RetryAfter is the time to wait before the next attempt; 0: unknown.
	RetryAfter time.Duration
	// Cap is the name of the cap that is reached; empty: none is.
	Cap string
	// Violations are the invalid fields of a request.
	Violations []Violation
	// Unlogged is a part of Message that the caller wrote, for the caller alone; empty:
	// there is none.
	Unlogged string

	cause   error
	summary string
}

// Violation is one invalid field.
type Violation struct {
	// Field is a path such as "options.batch_size" or "items[7].image_url".
	Field string
	// Message says what is wrong and how to correct it.
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

// Invalid returns a fault for one invalid field of a request.
func Invalid(field, format string, args ...any) *Fault {
	message := fmt.Sprintf(format, args...)
	return &Fault{
		Reason:     InvalidRequest,
		Message:    field + ": " + message,
		Violations: []Violation{{Field: field, Message: message}},
	}
}

// After returns a copy of f with a time to wait before the next attempt.
func (f *Fault) After(d time.Duration) *Fault {
	c := *f
	c.RetryAfter = d
	return &c
}

// WithSummary returns a copy of f with a summary, which must not depend on the item.
func (f *Fault) WithSummary(summary string) *Fault {
	c := *f
	c.summary = summary
	return &c
}

// Summary returns the kind of failure in a few words, the same for all failures of the
// kind, so that they can be counted: "not found". It is empty if the reason says all.
func (f *Fault) Summary() string { return f.summary }

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

// Retryable reports whether the unchanged request may succeed later.
func (f *Fault) Retryable() bool { return f.Reason.Retryable() }

// ofTheService is the public text of a fault that is no caller's.
const ofTheService = "a fault of the service: try again, and report it if it stays"

// Panicked returns the fault for a recovered panic. The value and the stack are its cause.
func Panicked(value any) *Fault {
	return Wrap(fmt.Errorf("panic: %v\n%s", value, debug.Stack()), Internal, ofTheService)
}

// From returns the fault in err's chain. The end of a context becomes DeadlineExceeded
// or Cancelled, and any other error Internal, with a text that reveals nothing. From(nil)
// is nil.
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
		return Wrap(err, Cancelled, "the caller left")
	default:
		return Wrap(err, Internal, ofTheService)
	}
}

// Is reports whether err's chain has a fault with the reason.
func Is(err error, reason Reason) bool {
	f, ok := errors.AsType[*Fault](err)
	return ok && f.Reason == reason
}
