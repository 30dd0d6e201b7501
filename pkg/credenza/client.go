// Package credenza is the Go client of a Credenza server.
//
// A catalogue is thousands of items that a model answers one by one, each in its
// own time. So results come as an iterator while the rest is in flight, and there are
// two separate kinds of failures:
//
//	the call fails    the iteration's error, an *Error: nothing more comes
//	an item fails     that Result's Err, an *ItemError: the others go on
//
//	c, err := credenza.Dial("localhost:50051", credenza.WithPlaintext())
//	if err != nil { ... }
//	defer c.Close()
//	for result, err := range c.ClassifyItems(ctx, slices.Values(items)) {
//		if err != nil { ... }              // the call failed
//		if result.Err != nil { continue }  // this item failed, the others go on
//		fmt.Println(result.ProductName, result.Classification.Category)
//	}
//
// ClassifyItems takes any number of items, at the pace of the model, and ClassifyRows the
// rows of a table. Below them are two calls, for callers that want batches and their
// progress. ClassifyStream sends one message, so it is bounded to 64 MiB and, unless the
// server is configured otherwise, 100,000 items. Feed has no bound. In return, a feed ends
// at once when its server shuts down, but a stream may finish.
//
// A loop that is left early cancels its call. The client never repeats a call:
// Error.RetryAfter and ItemError.Retryable report whether a repetition may help. The
// exception is WatchJob, which can be repeated without loss.
//
// A job is a catalogue that the server stores: it is classified even while no client is
// connected, and its results can be read at any time until it is deleted.
//
//	job, err := c.CreateJob(ctx, slices.Values(items), credenza.JobSpec{RequestID: "spring-2027"})
//	if err != nil { ... }
//	watch := c.Follow(ctx, credenza.JobPlace{JobID: job.ID})
//	for batch, err := range watch.Batches() { // also across restarts of the server
//		if err != nil { ... }
//		save(batch.Results, watch.Token())   // the token goes on after this batch
//	}
//	fmt.Println(watch.Summary().Succeeded)
package credenza

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Client is a connection to a server. It is safe for concurrent use; calls share
// the connection.
type Client struct {
	conn       *grpc.ClientConn
	items      credenzav1.ClassificationServiceClient
	operations credenzav1.OperationsServiceClient
	jobs       credenzav1.JobServiceClient
	maxMessage int
}

// Dial returns a client for a server at target, a gRPC name such as
// "localhost:50051", "dns:///credenza.example:443" or "unix:///run/credenza". It
// does not wait for the server: if there is none, the first call fails with the code
// "UNAVAILABLE". Without WithPlaintext the connection uses TLS. If the name has several
// addresses, as dns:///NAME may, calls go to all of them in turn; a stream stays on one.
//
// Calls are traced if the program sets OpenTelemetry's global provider and propagator: a
// call's span is within that of its context, and the server continues the trace.
//
// The caller closes the client.
func Dial(target string, opts ...Option) (*Client, error) {
	s := settings{maxMessage: DefaultMaxMessageBytes}
	for _, opt := range opts {
		opt(&s)
	}
	dial, err := s.dialOptions(target)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(target, dial...)
	if err != nil {
		return nil, fmt.Errorf("credenza: dial %s: %w", target, err)
	}
	return &Client{
		conn:       conn,
		items:      credenzav1.NewClassificationServiceClient(conn),
		operations: credenzav1.NewOperationsServiceClient(conn),
		jobs:       credenzav1.NewJobServiceClient(conn),
		maxMessage: s.maxMessage,
	}, nil
}

// Close closes the connection and ends the calls in flight. A second Close returns an
// error.
func (c *Client) Close() error { return c.conn.Close() }

// Classify classifies one item. The error is an *Error and that of the call; a failure
// of the item is in Result.Err. BatchSize and InOrder have no effect.
func (c *Client) Classify(ctx context.Context, item Item, o Options) (Result, error) {
	req := &credenzav1.ClassifyRequest{
		Item:    itemToProto(item),
		Mode:    modeToProto(o.Mode),
		Options: optionsToProto(o),
	}
	if err := c.checkSize(req); err != nil {
		return Result{}, err
	}
	res, err := c.items.Classify(ctx, req)
	if err != nil {
		return Result{}, errorFrom(err)
	}
	return resultFromProto(res.GetResult()), nil
}

// Taxonomy returns the categories and styles that the server sorts items into.
func (c *Client) Taxonomy(ctx context.Context) (Taxonomy, error) {
	res, err := c.items.GetTaxonomy(ctx, &credenzav1.GetTaxonomyRequest{})
	if err != nil {
		return Taxonomy{}, errorFrom(err)
	}
	return taxonomyFromProto(res), nil
}

// checkSize returns an error for a message that is larger than the server accepts, with
// a better text than gRPC's.
func (c *Client) checkSize(m proto.Message) error {
	size := proto.Size(m)
	if size <= c.maxMessage {
		return nil
	}
	return &Error{
		Code:   CodeInvalidArgument,
		Reason: ReasonInvalidRequest,
		Message: fmt.Sprintf("the request has %d bytes, at most %d are allowed: send fewer items at once, or use ClassifyItems or CreateJob",
			size, c.maxMessage),
	}
}
