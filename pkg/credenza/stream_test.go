package credenza_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

type streamServer = credenzav1.ClassificationService_ClassifyStreamServer

func TestStreamGivesResultsThenTheSummary(t *testing.T) {
	c := dial(t, &fakeServer{stream: func(req *credenzav1.ClassifyStreamRequest, s streamServer) error {
		return errors.Join(
			s.Send(streamBatch(batchOf(0, req.GetItems()[0].GetProductName(), "b"))),
			s.Send(streamBatch(batchOf(2, "c"))),
			s.Send(streamSummary(3)))
	}})
	stream := c.ClassifyStream(context.Background(), []credenza.Item{{ProductName: "a"}}, credenza.Options{})
	if got := stream.Summary(); got.Total != 0 {
		t.Errorf("a summary before the call: %+v", got)
	}
	names, err := collect(stream)
	if err != nil || cmp.Diff([]string{"a", "b", "c"}, names) != "" {
		t.Errorf("got %v, %v", names, err)
	}
	if got := stream.Summary(); got.Total != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestStreamThatEndsBadly(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  error
		want credenza.Code
	}{
		{"with an error", status.Error(codes.Unavailable, "gone"), "UNAVAILABLE"},
		{"without a summary", nil, "INTERNAL"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, &fakeServer{stream: func(_ *credenzav1.ClassifyStreamRequest, s streamServer) error {
				return errors.Join(s.Send(streamBatch(batchOf(0, "a"))), tc.end)
			}})
			stream := c.ClassifyStream(context.Background(), []credenza.Item{{}}, credenza.Options{})
			names, err := collect(stream)
			e, ok := errors.AsType[*credenza.Error](err)
			if !ok || e.Code != tc.want || len(names) != 1 || stream.Summary().Total != 0 {
				t.Errorf("got %v, %v", names, err)
			}
		})
	}
}

func TestStreamIsIteratedOverOnce(t *testing.T) {
	c := dial(t, &fakeServer{stream: func(_ *credenzav1.ClassifyStreamRequest, s streamServer) error {
		return s.Send(streamSummary(1))
	}})
	stream := c.ClassifyStream(context.Background(), []credenza.Item{{}}, credenza.Options{})
	if _, err := collect(stream); err != nil {
		t.Fatal(err)
	}
	_, err := collect(stream)
	if e, ok := errors.AsType[*credenza.Error](err); !ok || e.Code != "FAILED_PRECONDITION" {
		t.Errorf("got %v", err)
	}
}

func TestLeavingTheLoopEndsTheCall(t *testing.T) {
	ended := make(chan error, 1)
	c := dial(t, &fakeServer{stream: func(_ *credenzav1.ClassifyStreamRequest, s streamServer) error {
		if err := s.Send(streamBatch(batchOf(0, "a", "b"))); err != nil {
			return err
		}
		<-s.Context().Done()
		ended <- s.Context().Err()
		return nil
	}})
	for range c.ClassifyStream(context.Background(), []credenza.Item{{}}, credenza.Options{}).Results() {
		break
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestErrorHasTheStatusDetails(t *testing.T) {
	detailed, err := status.New(codes.ResourceExhausted, "full").WithDetails(
		&errdetails.ErrorInfo{Reason: "SERVER_FULL", Domain: "credenza.dev"},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "f", Description: "d"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		status error
		want   credenza.Error
		text   string
		is     error
	}{
		{
			"all details", detailed.Err(),
			credenza.Error{
				Code: "RESOURCE_EXHAUSTED", Reason: "SERVER_FULL", Message: "full", RetryAfter: 3 * time.Second,
				Fields: []credenza.FieldViolation{{Field: "f", Message: "d"}},
			},
			"RESOURCE_EXHAUSTED (SERVER_FULL): full", nil,
		},
		{"none", status.Error(codes.Unknown, "x"), credenza.Error{Code: "UNKNOWN", Message: "x"}, "UNKNOWN: x", nil},
		{"left", status.Error(codes.Canceled, "x"), credenza.Error{Code: "CANCELLED", Message: "x"}, "CANCELLED: x", context.Canceled},
		{
			"late", status.Error(codes.DeadlineExceeded, "x"),
			credenza.Error{Code: "DEADLINE_EXCEEDED", Message: "x"},
			"DEADLINE_EXCEEDED: x", context.DeadlineExceeded,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, &fakeServer{one: func(context.Context, *credenzav1.ClassifyRequest) (*credenzav1.ClassifyResponse, error) {
				return nil, tc.status
			}})
			_, err := c.Classify(context.Background(), credenza.Item{}, credenza.Options{})
			e, ok := errors.AsType[*credenza.Error](err)
			if !ok {
				t.Fatalf("got %T", err)
			}
			if diff := cmp.Diff(tc.want, *e); diff != "" {
				t.Error(diff)
			}
			if e.Error() != tc.text || status.Code(err) != status.Code(tc.status) {
				t.Errorf("got %q with the code %v", e.Error(), status.Code(err))
			}
			for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
				if errors.Is(err, end) != errors.Is(tc.is, end) {
					t.Errorf("errors.Is says %v of %v", errors.Is(err, end), end)
				}
			}
		})
	}
}

func TestTextThatIsNoUTF8IsMended(t *testing.T) {
	c := dial(t, &fakeServer{one: func(_ context.Context, req *credenzav1.ClassifyRequest) (*credenzav1.ClassifyResponse, error) {
		it := req.GetItem()
		return &credenzav1.ClassifyResponse{Result: batchOf(0, it.GetProductName()+it.GetTags()[0]+it.GetAttributes()["k\uFFFD"]).Results[0]}, nil
	}})
	item := credenza.Item{ProductName: "b\xe4r", Tags: []string{"\xff"}, Attributes: map[string]string{"k\xff": "v\xff"}}
	got, err := c.Classify(context.Background(), item, credenza.Options{})
	if err != nil || got.ProductName != "b\uFFFDr\uFFFDv\uFFFD" {
		t.Errorf("got %q, %v", got.ProductName, err)
	}
}

func TestOutcomeThatIsNotKnown(t *testing.T) {
	c := dial(t, &fakeServer{one: func(context.Context, *credenzav1.ClassifyRequest) (*credenzav1.ClassifyResponse, error) {
		return &credenzav1.ClassifyResponse{Result: &credenzav1.ItemResult{}}, nil
	}})
	got, err := c.Classify(context.Background(), credenza.Item{}, credenza.Options{})
	if err != nil || got.Err == nil || got.Err.Reason != "INTERNAL" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestValuesThatAreNoneReachTheServer(t *testing.T) {
	var got *credenzav1.ClassifyRequest
	c := dial(t, &fakeServer{one: func(_ context.Context, req *credenzav1.ClassifyRequest) (*credenzav1.ClassifyResponse, error) {
		got = req
		return nil, status.Error(codes.InvalidArgument, "x")
	}})
	_, _ = c.Classify(context.Background(), credenza.Item{}, credenza.Options{Mode: 9, Cache: 9, BatchSize: 1 << 40})
	if got.GetMode() != -1 || got.GetOptions().GetCachePolicy() != -1 || got.GetOptions().GetBatchSize() != 1<<31-1 {
		t.Errorf("a wrong value was made right: %v", got)
	}
}
