package rpc

import (
	"context"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// limits are the checks that depend on the configuration and so are no rules of
// the contract.
type limits struct {
	models map[string]bool
	names  string
}

func newLimits(config Config) limits {
	l := limits{models: map[string]bool{"": true}}
	names := slices.Compact(slices.Sorted(slices.Values(config.Models)))
	for _, name := range names {
		l.models[name] = true
	}
	l.names = strings.Join(names, ", ")
	return l
}

func (l limits) checkModel(field, model string) error {
	if l.models[model] {
		return nil
	}
	f := fault.Invalid(field, "this model is not served: leave it empty for the configured one")
	if l.names != "" {
		f = fault.Invalid(field, "this model is not served: leave it empty for the configured one, or give one of %s", l.names)
	}
	f.Reason = fault.UnknownModel
	return f
}

// classification serves ClassificationService.
type classification struct {
	credenzav1.UnimplementedClassificationServiceServer
	engine   Engine
	limits   limits
	taxonomy *credenzav1.GetTaxonomyResponse
	readers  *sync.WaitGroup
}

// ClassifyStream answers a list of items.
func (c *classification) ClassifyStream(req *credenzav1.ClassifyStreamRequest, stream credenzav1.ClassificationService_ClassifyStreamServer) error {
	ctx := stream.Context()
	call, err := c.call(ctx, "options.model", req.GetMode(), req.GetOptions())
	if err != nil {
		return err
	}
	items, err := takeList(req, intake.From(ctx))
	if err != nil {
		return err
	}
	if call.Total = int64(items.count()); call.Total == 0 {
		return noItems(req)
	}
	call.Notify = func(n catalog.Notice) error {
		return sendFault(stream.Send(&credenzav1.ClassifyStreamResponse{
			Event: &credenzav1.ClassifyStreamResponse_Notice{Notice: noticeToProto(&n)},
		}))
	}
	summary, err := c.engine.Run(ctx, call, items.source(), func(b catalog.Batch) error {
		for _, part := range batches(ctx, batchToProto(&b)) {
			if err := sendFault(stream.Send(&credenzav1.ClassifyStreamResponse{
				Event: &credenzav1.ClassifyStreamResponse_Batch{Batch: part},
			})); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return sendFault(stream.Send(&credenzav1.ClassifyStreamResponse{
		Event: &credenzav1.ClassifyStreamResponse_Summary{Summary: ownSummary(ctx, summaryToProto(&summary))},
	}))
}

// noItems returns the fault of a request without items.
func noItems(req listed) error {
	if req.GetRows() != nil {
		return fault.Invalid("rows", "there is no row: send at least one")
	}
	return fault.Invalid("items", "there is no item: send at least one, or rows")
}

// ClassifyFeed answers items as they come.
func (c *classification) ClassifyFeed(stream credenzav1.ClassificationService_ClassifyFeedServer) error {
	ctx := stream.Context()
	feed := startFeed("a feed", stream.Recv, c.readers)
	defer feed.leave()
	spec, err := feed.spec(ctx)
	if err != nil {
		return err
	}
	call, err := c.call(ctx, "spec.options.model", spec.GetMode(), spec.GetOptions())
	if err != nil {
		return err
	}
	call.Notify = func(n catalog.Notice) error {
		return sendFault(stream.Send(&credenzav1.ClassifyFeedResponse{
			Event: &credenzav1.ClassifyFeedResponse_Notice{Notice: noticeToProto(&n)},
		}))
	}
	summary, err := c.engine.Run(ctx, call, feed.next, func(b catalog.Batch) error {
		for _, part := range batches(ctx, batchToProto(&b)) {
			if err := sendFault(stream.Send(&credenzav1.ClassifyFeedResponse{
				Event: &credenzav1.ClassifyFeedResponse_Batch{Batch: part},
			})); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return sendFault(stream.Send(&credenzav1.ClassifyFeedResponse{
		Event: &credenzav1.ClassifyFeedResponse_Summary{Summary: ownSummary(ctx, summaryToProto(&summary))},
	}))
}

// Classify answers one item.
func (c *classification) Classify(ctx context.Context, req *credenzav1.ClassifyRequest) (*credenzav1.ClassifyResponse, error) {
	call, err := c.call(ctx, "options.model", req.GetMode(), req.GetOptions())
	if err != nil {
		return nil, err
	}
	call.Total = 1
	outcome, err := c.engine.Classify(ctx, call, itemFromProto(req.GetItem()))
	if err != nil {
		return nil, err
	}
	result := outcomeToProto(&outcome)
	hideShared(ctx, result)
	return &credenzav1.ClassifyResponse{Result: result}, nil
}

// GetTaxonomy answers with the taxonomy in force.
func (c *classification) GetTaxonomy(context.Context, *credenzav1.GetTaxonomyRequest) (*credenzav1.GetTaxonomyResponse, error) {
	return c.taxonomy, nil
}

// call checks what the rules of the contract cannot know, and converts the rest.
func (c *classification) call(ctx context.Context, modelField string, mode credenzav1.Mode, options *credenzav1.ClassifyOptions) (classify.Call, error) {
	if err := c.limits.checkModel(modelField, options.GetModel()); err != nil {
		return classify.Call{}, err
	}
	return classify.Call{Caller: callerOf(ctx), TraceID: traceOf(ctx), Options: optionsFromProto(mode, options)}, nil
}

// sendFault turns the error of a send into a fault: mostly the caller has gone,
// and only a message that cannot be sent is our own.
func sendFault(err error) error {
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.Canceled, codes.Unavailable:
		return fault.Wrap(err, fault.Cancelled, "the caller went away")
	case codes.DeadlineExceeded:
		return fault.Wrap(err, fault.DeadlineExceeded, "the call's deadline came before its last result: allow more time")
	default:
		return fault.Wrap(err, fault.Internal, "a result could not be sent: try again, and report it if it stays")
	}
}
