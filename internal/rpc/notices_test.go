package rpc_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	"github.com/credenza-dev/credenza/internal/upstream"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

var testOutage = catalog.Outage{
	Host: "llm.test:8080", Cause: "connection refused", Since: time.Unix(100, 0), LastTry: time.Unix(103, 0),
}

// noticing sends a notice before the items are answered, and one after.
func noticing(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
	if err := call.Notify(catalog.Notice{Outage: testOutage}); err != nil {
		return catalog.Summary{}, err
	}
	s, err := echo(ctx, call, next, send)
	if err != nil {
		return s, err
	}
	return s, call.Notify(catalog.Notice{Outage: testOutage, Over: true})
}

// noticingJobs sends a notice to each watcher, then a batch and the summary.
type noticingJobs struct{ rpc.Jobs }

func (noticingJobs) Watch(_ context.Context, _ catalog.Owner, _, _ string, send func(catalog.JobEvent) error) error {
	item := catalog.Item{Name: "oak chair"}
	return errors.Join(
		send(catalog.JobEvent{Notice: &catalog.Notice{Outage: testOutage}, Token: "a"}),
		send(catalog.JobEvent{Batch: &catalog.Batch{ID: 1, Outcomes: []catalog.Outcome{sofa(0, &item)}}, Token: "b"}),
		send(catalog.JobEvent{Notice: &catalog.Notice{Outage: testOutage, Over: true}, Token: "b"}),
		send(catalog.JobEvent{Summary: &catalog.Summary{Total: 1}, Token: "b"}))
}

// streams are the calls with notices, with a request that gets one result.
var noticeStreams = map[string]struct {
	method  string
	request proto.Message
	answer  proto.Message
}{
	"ClassifyStream": {
		credenzav1.ClassificationService_ClassifyStream_FullMethodName,
		&credenzav1.ClassifyStreamRequest{Items: items("oak chair")}, &credenzav1.ClassifyStreamResponse{},
	},
	"ClassifyFeed": {
		credenzav1.ClassificationService_ClassifyFeed_FullMethodName,
		&credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Spec{Spec: &credenzav1.FeedSpec{}}}, &credenzav1.ClassifyFeedResponse{},
	},
	"WatchJob": {
		credenzav1.JobService_WatchJob_FullMethodName,
		&credenzav1.WatchJobRequest{JobId: "job-1"}, &credenzav1.WatchJobResponse{},
	},
}

// receiveAll makes a call and returns its messages, as the type says.
func receiveAll(t *testing.T, conn *grpc.ClientConn, method string, request proto.Message, answer protoreflect.MessageDescriptor) (all []*dynamicpb.Message) {
	t.Helper()
	stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.SendMsg(request), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	for {
		m := dynamicpb.NewMessage(answer)
		if err := stream.RecvMsg(m); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
}

// eventsOf returns which event each message has, "none" for none.
func eventsOf(messages []*dynamicpb.Message) (kinds []string) {
	for _, m := range messages {
		kind := "none"
		if field := m.WhichOneof(m.Descriptor().Oneofs().ByName("event")); field != nil {
			kind = string(field.Name())
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// beforeNotices returns a message's type as it was before there were notices.
func beforeNotices(t *testing.T, m proto.Message) protoreflect.MessageDescriptor {
	t.Helper()
	now := m.ProtoReflect().Descriptor()
	file := protodesc.ToFileDescriptorProto(now.ParentFile())
	const notice = "notice"
	file.Dependency = slices.DeleteFunc(file.GetDependency(), func(path string) bool { return strings.HasSuffix(path, "/notice.proto") })
	for _, message := range file.GetMessageType() {
		message.Field = slices.DeleteFunc(message.GetField(), func(f *descriptorpb.FieldDescriptorProto) bool { return f.GetName() == notice })
	}
	old, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	before := old.Messages().ByName(now.Name())
	if before.Fields().ByName(notice) != nil || now.Fields().ByName(notice) == nil {
		t.Fatal("the two types do not differ by the notice")
	}
	return before
}

func TestNotices_ReachEachStream(t *testing.T) {
	r := start(t, setup{engine: fakeEngine{run: noticing}, jobs: noticingJobs{rpctest.NewJobs()}})
	for name, call := range noticeStreams {
		got := receiveAll(t, r.raw(t), call.method, call.request, call.answer.ProtoReflect().Descriptor())
		kinds := slices.DeleteFunc(eventsOf(got), func(kind string) bool { return kind == "batch" })
		if !slices.Equal(kinds, []string{"notice", "notice", "summary"}) {
			t.Errorf("%s: %v", name, kinds)
		}
		first := protojson.Format(got[0])
		for _, want := range []string{
			"NOTICE_KIND_UPSTREAM_AWAY", "the model at llm.test:8080 does not answer (connection refused), trying on",
			`"host"`, `"1970-01-01T00:01:40Z"`, `"1970-01-01T00:01:43Z"`,
		} {
			if !strings.Contains(first, want) {
				t.Errorf("%s: the notice lacks %q: %s", name, want, first)
			}
		}
	}
}

// TestNotices_ArePassedOverByOldClients receives with the types of a client that
// was generated before there were notices.
func TestNotices_ArePassedOverByOldClients(t *testing.T) {
	r := start(t, setup{engine: fakeEngine{run: noticing}, jobs: noticingJobs{rpctest.NewJobs()}})
	for name, call := range noticeStreams {
		got := receiveAll(t, r.raw(t), call.method, call.request, beforeNotices(t, call.answer))
		kinds := eventsOf(got)
		if known := slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { return kind == "batch" }); !slices.Equal(known, []string{"none", "none", "summary"}) {
			t.Errorf("%s: %v", name, kinds)
		}
	}
}

func TestStatus_ShowsAnOutage(t *testing.T) {
	r := start(t, setup{operations: fakeOperations{status: rpc.Status{Gate: upstream.Status{Groups: []upstream.GroupStatus{
		{Name: "away", Open: true, Outage: &testOutage}, {Name: "well"},
	}}}}})
	status, err := credenzav1.NewOperationsServiceClient(r.raw(t)).GetStatus(t.Context(), &credenzav1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	away, well := status.GetGroups()[0].GetOutage(), status.GetGroups()[1].GetOutage()
	if away.GetHost() != "llm.test:8080" || away.GetCause() != "connection refused" || away.GetStartTime().GetSeconds() != 100 ||
		away.GetLastAttemptTime().GetSeconds() != 103 || well != nil {
		t.Errorf("away %v, well %v", away, well)
	}
}
