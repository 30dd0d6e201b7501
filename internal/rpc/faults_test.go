package rpc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// wantCodes is every reason there is, and the code that a call fails with for it.
var wantCodes = map[fault.Reason]codes.Code{
	fault.InvalidItem:         codes.InvalidArgument,
	fault.ImageUnreachable:    codes.Unavailable,
	fault.ImageForbidden:      codes.PermissionDenied,
	fault.ImageTooLarge:       codes.InvalidArgument,
	fault.ImageUnsupported:    codes.InvalidArgument,
	fault.NoImageFound:        codes.InvalidArgument,
	fault.RateLimited:         codes.ResourceExhausted,
	fault.QuotaExhausted:      codes.ResourceExhausted,
	fault.UpstreamAuth:        codes.Unavailable,
	fault.UpstreamRejected:    codes.InvalidArgument,
	fault.UpstreamUnavailable: codes.Unavailable,
	fault.UpstreamTimeout:     codes.DeadlineExceeded,
	fault.MalformedAnswer:     codes.Unavailable,
	fault.Refused:             codes.InvalidArgument,
	fault.DeadlineExceeded:    codes.DeadlineExceeded,
	fault.Internal:            codes.Internal,
	fault.InvalidRequest:      codes.InvalidArgument,
	fault.TooManyItems:        codes.InvalidArgument,
	fault.MessageTooLarge:     codes.ResourceExhausted,
	fault.UnknownModel:        codes.InvalidArgument,
	fault.Unauthenticated:     codes.Unauthenticated,
	fault.PermissionDenied:    codes.PermissionDenied,
	fault.ServerFull:          codes.ResourceExhausted,
	fault.ShuttingDown:        codes.Unavailable,
	fault.NotFound:            codes.NotFound,
	fault.Conflict:            codes.FailedPrecondition,
	fault.StorageFull:         codes.ResourceExhausted,
	fault.StorageAway:         codes.Unavailable,
	fault.DataLoss:            codes.DataLoss,
	fault.Cancelled:           codes.Canceled,
}

func failingEngine(err error) fakeEngine {
	return fakeEngine{
		run: func(context.Context, classify.Call, classify.Source, classify.Sink) (catalog.Summary, error) {
			return catalog.Summary{}, err
		},
		classify: func(context.Context, classify.Call, *catalog.Item) (catalog.Outcome, error) {
			return catalog.Outcome{}, err
		},
	}
}

func TestEveryReasonHasItsCode(t *testing.T) {
	for reason := fault.InvalidItem; reason <= fault.Cancelled; reason++ {
		t.Run(reason.String(), func(t *testing.T) {
			want, ok := wantCodes[reason]
			if !ok {
				t.Fatal("no code is wanted for this reason: add it to the table")
			}
			cause := errors.New("secret cause at 10.1.2.3")
			s := start(t, setup{engine: failingEngine(fault.Wrap(cause, reason, "public text"))})
			_, err := s.rawItems(t).Classify(context.Background(), &credenzav1.ClassifyRequest{Item: &credenzav1.Item{}})
			got := status.Convert(err)
			if got.Code() != want || got.Message() != "public text" {
				t.Errorf("got %v %q, want %v and the public text", got.Code(), got.Message(), want)
			}
			info := detail[*errdetails.ErrorInfo](got)
			if info.GetReason() != reason.String() || info.GetDomain() != rpc.Domain {
				t.Errorf("got ErrorInfo %v", info)
			}
			if strings.Contains(got.String(), "secret") {
				t.Errorf("the cause reached the caller: %v", got)
			}
			if n := s.logs.FilterField(causeField(cause.Error())).Len(); n != 1 {
				t.Errorf("the cause is logged %d times, want once", n)
			}
		})
	}
}

func TestFaultDetails(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fault  *fault.Fault
		retry  time.Duration
		fields []credenza.FieldViolation
	}{
		{name: "retry after", fault: fault.New(fault.UpstreamUnavailable, "x").After(7 * time.Second), retry: 7 * time.Second},
		{name: "a full server always says when", fault: fault.New(fault.ServerFull, "x"), retry: time.Second},
		{name: "not known when", fault: fault.New(fault.UpstreamUnavailable, "x")},
		{
			name: "fields", fault: fault.Invalid("a.b[1]", "is bad"),
			fields: []credenza.FieldViolation{{Field: "a.b[1]", Message: "is bad"}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{engine: failingEngine(tc.fault)})
			var err error
			for _, err = range s.client(t).ClassifyStream(context.Background(), []credenza.Item{{}}, credenza.Options{}).Results() {
			}
			e := clientError(t, err)
			if e.RetryAfter != tc.retry {
				t.Errorf("RetryAfter is %v, want %v", e.RetryAfter, tc.retry)
			}
			if !equal(t, tc.fields, e.Fields) {
				t.Errorf("got fields %v", e.Fields)
			}
		})
	}
}

func TestOtherErrorsGiveNothingAway(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		code credenza.Code
	}{
		{"unknown", errors.New("dial tcp 10.1.2.3: secret"), "INTERNAL"},
		{"context", context.Canceled, "CANCELLED"},
		{"deadline", context.DeadlineExceeded, "DEADLINE_EXCEEDED"},
		{"bad text", fault.New(fault.Internal, "cut \xff off"), "INTERNAL"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{engine: failingEngine(tc.err)})
			_, err := s.client(t).Classify(context.Background(), credenza.Item{}, credenza.Options{})
			e := clientError(t, err)
			if e.Code != tc.code || strings.Contains(e.Message, "secret") || e.Reason == "" {
				t.Errorf("got %+v, want %s", e, tc.code)
			}
		})
	}
}

func TestPanicsStayInside(t *testing.T) {
	s := start(t, setup{engine: fakeEngine{
		run: func(context.Context, classify.Call, classify.Source, classify.Sink) (catalog.Summary, error) {
			panic("secret state")
		},
		classify: func(context.Context, classify.Call, *catalog.Item) (catalog.Outcome, error) {
			panic("secret state")
		},
	}})
	c := s.client(t)
	_, unary := c.Classify(context.Background(), credenza.Item{}, credenza.Options{})
	var streamed, fed error
	for _, streamed = range c.ClassifyStream(context.Background(), []credenza.Item{{}}, credenza.Options{}).Results() {
	}
	for _, fed = range c.Feed(context.Background(), nothing, credenza.Options{}).Results() {
	}
	for name, err := range map[string]error{"unary": unary, "stream": streamed, "feed": fed} {
		e := clientError(t, err)
		if e.Code != "INTERNAL" || e.Reason != "INTERNAL" || strings.Contains(e.Message, "secret") {
			t.Errorf("%s: got %+v", name, e)
		}
	}
	for _, line := range s.logs.All() {
		cause, _ := line.ContextMap()["cause"].(string)
		if !strings.Contains(cause, "panic: secret state") || !strings.Contains(cause, "faults_test.go") {
			t.Errorf("the log lacks the panic's text and stack: %v", line.ContextMap())
		}
	}
	if s.logs.Len() != 3 {
		t.Errorf("%d log lines, want one for each call", s.logs.Len())
	}
}
