package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/fault"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// checks hold messages against the rules in the proto files, once they have said
// what the codec found. The rules are about a call's frame; no rule is on an item,
// and those of a list are not decoded yet (wireitems.go).
type checks struct{ validator protovalidate.Validator }

// requests are the messages that callers send, one of each kind.
var requests = []proto.Message{
	&credenzav1.ClassifyStreamRequest{}, &credenzav1.ClassifyFeedRequest{}, &credenzav1.ClassifyRequest{},
	&credenzav1.GetTaxonomyRequest{}, &credenzav1.GetStatusRequest{}, &credenzav1.UpdateSettingsRequest{},
	&credenzav1.CreateJobRequest{}, &credenzav1.GetJobRequest{}, &credenzav1.ListJobsRequest{},
	&credenzav1.CancelJobRequest{}, &credenzav1.RetryJobRequest{}, &credenzav1.DeleteJobRequest{}, &credenzav1.WatchJobRequest{},
	&credenzav1.SubmitJobRequest{}, &credenzav1.ListJobResultsRequest{}, &credenzav1.PauseJobRequest{}, &credenzav1.ResumeJobRequest{},
	&credenzav1.ListReviewItemsRequest{}, &credenzav1.SummarizeReviewRequest{}, &credenzav1.PutCorrectionsRequest{}, &credenzav1.ListCorrectionsRequest{},
	&credenzav1.DescribeUploadRequest{}, &credenzav1.SubmitUploadRequest{}, &credenzav1.GetReviewPictureRequest{}, &credenzav1.ExportJobRequest{},
}

func newChecks() (*checks, error) {
	// The rules are compiled now and for these messages only: a rule that does not
	// compile stops the start, and no call pays for it.
	validator, err := protovalidate.New(protovalidate.WithDisableLazy(), protovalidate.WithMessages(requests...))
	if err != nil {
		return nil, fmt.Errorf("compile the rules of the contract: %w", err)
	}
	return &checks{validator}, nil
}

func (c *checks) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if !isAuxiliary(serviceOf(info.FullMethod)) {
		if err := c.check(req); err != nil {
			return nil, err
		}
	}
	return handler(ctx, req)
}

func (c *checks) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if isAuxiliary(serviceOf(info.FullMethod)) {
		return handler(srv, stream)
	}
	return handler(srv, &checkedStream{stream, c})
}

// checkedStream checks each message that comes in.
type checkedStream struct {
	grpc.ServerStream
	checks *checks
}

// RecvMsg receives a message and checks it.
func (s *checkedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return s.checks.check(m)
}

func (c *checks) check(m any) error {
	message, ok := m.(proto.Message)
	if !ok {
		return fault.From(fmt.Errorf("%T is not a message", m))
	}
	if err := marked(message); err != nil {
		return err
	}
	err := c.validator.Validate(message)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return fault.From(err)
	}
	return violationsFault(invalid.Violations)
}

func violationsFault(violations []*protovalidate.Violation) *fault.Fault {
	f := &fault.Fault{Reason: fault.InvalidRequest}
	lines := make([]string, len(violations))
	for i, v := range violations {
		field := protovalidate.FieldPathString(v.Proto.GetField())
		f.Violations = append(f.Violations, fault.Violation{Field: field, Message: v.Proto.GetMessage()})
		lines[i] = field + ": " + v.Proto.GetMessage()
	}
	f.Message = strings.Join(lines, "; ")
	return f
}
