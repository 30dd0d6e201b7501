package credenza_test

import (
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/test/bufconn"

	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeServer does what its functions say.
type fakeServer struct {
	credenzav1.UnimplementedClassificationServiceServer
	stream func(*credenzav1.ClassifyStreamRequest, credenzav1.ClassificationService_ClassifyStreamServer) error
	feed   func(credenzav1.ClassificationService_ClassifyFeedServer) error
	one    func(context.Context, *credenzav1.ClassifyRequest) (*credenzav1.ClassifyResponse, error)
	jobs   fakeJobs
}

// fakeJobs is the part of the fake server that has jobs.
type fakeJobs struct {
	credenzav1.UnimplementedJobServiceServer
	create func(credenzav1.JobService_CreateJobServer) error
	watch  func(*credenzav1.WatchJobRequest, credenzav1.JobService_WatchJobServer) error
	submit func(*credenzav1.SubmitJobRequest) (*credenzav1.SubmitJobResponse, error)
	list   func(*credenzav1.ListJobResultsRequest) (*credenzav1.ListJobResultsResponse, error)
	pause  func(*credenzav1.PauseJobRequest) (*credenzav1.PauseJobResponse, error)
	resume func(*credenzav1.ResumeJobRequest) (*credenzav1.ResumeJobResponse, error)
}

func (s *fakeJobs) SubmitJob(_ context.Context, req *credenzav1.SubmitJobRequest) (*credenzav1.SubmitJobResponse, error) {
	return s.submit(req)
}

func (s *fakeJobs) ListJobResults(_ context.Context, req *credenzav1.ListJobResultsRequest) (*credenzav1.ListJobResultsResponse, error) {
	return s.list(req)
}

func (s *fakeJobs) PauseJob(_ context.Context, req *credenzav1.PauseJobRequest) (*credenzav1.PauseJobResponse, error) {
	return s.pause(req)
}

func (s *fakeJobs) ResumeJob(_ context.Context, req *credenzav1.ResumeJobRequest) (*credenzav1.ResumeJobResponse, error) {
	return s.resume(req)
}

func (s *fakeJobs) CreateJob(stream credenzav1.JobService_CreateJobServer) error {
	return s.create(stream)
}

func (s *fakeJobs) WatchJob(req *credenzav1.WatchJobRequest, stream credenzav1.JobService_WatchJobServer) error {
	return s.watch(req, stream)
}

func (s *fakeServer) ClassifyStream(req *credenzav1.ClassifyStreamRequest, stream credenzav1.ClassificationService_ClassifyStreamServer) error {
	return s.stream(req, stream)
}

func (s *fakeServer) ClassifyFeed(stream credenzav1.ClassificationService_ClassifyFeedServer) error {
	return s.feed(stream)
}

func (s *fakeServer) Classify(ctx context.Context, req *credenzav1.ClassifyRequest) (*credenzav1.ClassifyResponse, error) {
	return s.one(ctx, req)
}

// dial starts a server in the process and returns a client of it.
func dial(t testing.TB, s *fakeServer, opts ...credenza.Option) *credenza.Client {
	t.Helper()
	listener := bufconn.Listen(64 << 10)
	server := grpc.NewServer(
		grpc.WaitForHandlers(true), grpc.MaxRecvMsgSize(64<<20),
		grpc.StaticStreamWindowSize(64<<10), grpc.StaticConnWindowSize(64<<10),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second}))
	credenzav1.RegisterClassificationServiceServer(server, s)
	credenzav1.RegisterJobServiceServer(server, &s.jobs)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	c, err := credenza.Dial("passthrough:///in-process", append([]credenza.Option{
		credenza.WithPlaintext(),
		credenza.WithDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

func batchOf(first int64, names ...string) *credenzav1.Batch {
	b := &credenzav1.Batch{}
	for i, name := range names {
		b.Results = append(b.Results, &credenzav1.ItemResult{
			Index: first + int64(i), ProductName: name,
			Outcome: &credenzav1.ItemResult_Classification{Classification: &credenzav1.Classification{Category: "SOFA"}},
		})
	}
	return b
}

func streamBatch(b *credenzav1.Batch) *credenzav1.ClassifyStreamResponse {
	return &credenzav1.ClassifyStreamResponse{Event: &credenzav1.ClassifyStreamResponse_Batch{Batch: b}}
}

func streamSummary(total int64) *credenzav1.ClassifyStreamResponse {
	return &credenzav1.ClassifyStreamResponse{Event: &credenzav1.ClassifyStreamResponse_Summary{Summary: &credenzav1.Summary{Total: total}}}
}

func feedBatch(b *credenzav1.Batch) *credenzav1.ClassifyFeedResponse {
	return &credenzav1.ClassifyFeedResponse{Event: &credenzav1.ClassifyFeedResponse_Batch{Batch: b}}
}

func feedSummary(total int64) *credenzav1.ClassifyFeedResponse {
	return &credenzav1.ClassifyFeedResponse{Event: &credenzav1.ClassifyFeedResponse_Summary{Summary: &credenzav1.Summary{Total: total}}}
}

// collect iterates to the end and returns the names that came and the error.
func collect(s *credenza.Stream) ([]string, error) {
	var names []string
	for r, err := range s.Results() {
		if err != nil {
			return names, err
		}
		names = append(names, r.ProductName)
	}
	return names, nil
}
