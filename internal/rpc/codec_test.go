package rpc_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/rpc"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// wireCodec sends bytes as they are, and does not look at what comes back.
type wireCodec struct{}

func (wireCodec) Name() string { return "proto" }

func (wireCodec) Marshal(v any) (mem.BufferSlice, error) {
	wire, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("%T is not bytes", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(wire)}, nil
}

func (wireCodec) Unmarshal(mem.BufferSlice, any) error { return nil }

// callWith makes a call of messages as they are on the wire, and returns the
// error that ended it.
func callWith(t *testing.T, s *running, method string, messages ...[]byte) error {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	desc := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	stream, err := s.raw(t).NewStream(ctx, desc, method, grpc.ForceCodecV2(wireCodec{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, wire := range messages {
		if err := stream.SendMsg(wire); err != nil {
			break // the call has failed already; receiving says why
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	return drain(func() (any, error) { return nil, stream.RecvMsg(nil) })
}

const (
	streamMethod = credenzav1.ClassificationService_ClassifyStream_FullMethodName
	feedMethod   = credenzav1.ClassificationService_ClassifyFeed_FullMethodName
	oneMethod    = credenzav1.ClassificationService_Classify_FullMethodName
	submitMethod = credenzav1.JobService_SubmitJob_FullMethodName
)

// field is one field with a value that has a length.
func field(number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

func repeat(n int, wire []byte) []byte { return bytes.Repeat(wire, n) }

var (
	emptyItem = field(1, nil) // of a ClassifyStreamRequest or an ItemChunk
	emptyTag  = field(7, nil) // of an Item
	emptySpec = field(1, nil) // of a ClassifyFeedRequest
)

func TestCountsAreBoundedBeforeDecoding(t *testing.T) {
	const invalid, tooMany = "INVALID_REQUEST", "TOO_MANY_ITEMS"
	attribute := field(12, nil)
	for _, tc := range []struct {
		name          string
		method        string
		send          [][]byte
		reason, field string
		text          string
	}{
		{
			"items", streamMethod,
			[][]byte{repeat(1<<19, emptyItem)},
			tooMany, "items", "items: there are 524288, at most 2000 are allowed: send them in several calls, or as a feed",
		},
		{
			"one item too many, and a bad rest", streamMethod,
			[][]byte{append(repeat(2001, emptyItem), 0xff)},
			tooMany, "items", "items: there are 2001, ",
		},
		{
			"items of a chunk", feedMethod,
			[][]byte{emptySpec, field(2, repeat(1<<19, emptyItem))},
			tooMany, "items", "items: there are 524288, at most 2000 are allowed: send them in several messages",
		},
		{
			"items of a chunk that is said in parts", feedMethod,
			[][]byte{emptySpec, repeat(1000, field(2, repeat(100, emptyItem)))},
			tooMany, "items", "items: there are 100000, ",
		},
		{
			"items of a job", submitMethod,
			[][]byte{repeat(1<<19, emptyItem)},
			tooMany, "items", "items: there are 524288, at most 2000 are allowed: send them in several calls, or by CreateJob",
		},
		{
			"tags of one item", streamMethod,
			[][]byte{field(1, repeat(40_001, emptyTag))},
			invalid, "items", "more than 40000 together",
		},
		{
			"tags and attributes of several", streamMethod,
			[][]byte{slices.Concat(field(1, repeat(20_000, emptyTag)), field(1, repeat(20_001, attribute)))},
			invalid, "items", "more than 40000 together",
		},
		{
			"styles in a feed", feedMethod,
			[][]byte{emptySpec, field(2, field(1, repeat(40_001, field(6, nil))))},
			invalid, "items", "more than 40000 together",
		},
		{
			"tags of the only item", oneMethod,
			[][]byte{field(1, repeat(1<<19, emptyTag))},
			invalid, "item", "item: styles, tags and attributes are more than 20000 together",
		},
		{
			"attributes of the only item, in parts", oneMethod,
			[][]byte{repeat(1000, field(1, repeat(500, attribute)))},
			invalid, "item", "more than 20000 together",
		},
		{
			"corrections", credenzav1.ReviewService_PutCorrections_FullMethodName,
			[][]byte{slices.Concat(field(1, []byte("job")), field(2, repeat(1<<19, field(1, nil))))},
			invalid, "list", "list: its lists and maps have more than 3000 entries together",
		},
		{
			"categories of a filter", credenzav1.ReviewService_ListReviewItems_FullMethodName,
			[][]byte{slices.Concat(field(1, []byte("job")), field(2, repeat(1<<19, field(1, nil))))},
			invalid, "filter", "more than 3000 entries together",
		},
		{
			"overrides of rows", submitMethod,
			[][]byte{field(3, repeat(1<<19, field(3, nil)))},
			invalid, "rows", "rows: its lists and maps have more than 3000 entries together",
		},
		{
			"columns of rows", feedMethod,
			[][]byte{emptySpec, field(3, repeat(1<<19, field(1, nil)))},
			invalid, "rows", "more than 3000 entries together",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{config: rpc.Config{MaxItems: 2000}, reviews: &fakeReviews{}})
			before := allocated()
			err := callWith(t, s, tc.method, tc.send...)
			if n := allocated() - before; n > 16<<20 {
				t.Errorf("%d MiB were allocated for a message of less than 2", n>>20)
			}
			wantInvalid(t, err, tc.reason, tc.field)
			if !strings.Contains(status.Convert(err).Message(), tc.text) {
				t.Errorf("got %v, want it to say %q", err, tc.text)
			}
		})
	}
}

// allocated is how many bytes the process has allocated since its start.
func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

func TestCountsLetTheirLastValueThrough(t *testing.T) {
	fullItem := func(tags int) []byte { return field(1, repeat(tags, emptyTag)) }
	for _, tc := range []struct {
		name     string
		maxItems int
		method   string
		send     [][]byte
	}{
		{"items", 2000, streamMethod, [][]byte{repeat(2000, emptyItem)}},
		{"items of a job", 2000, submitMethod, [][]byte{repeat(2000, emptyItem)}},
		{"items of each chunk", 2000, feedMethod, [][]byte{emptySpec, field(2, repeat(2000, emptyItem)), field(2, repeat(2000, emptyItem))}},
		{"a usual chunk, with a small limit for calls", 3, feedMethod, [][]byte{emptySpec, field(2, repeat(1000, emptyItem))}},
		{"tags", 2000, streamMethod, [][]byte{fullItem(40_000)}},
		{"tags, with a small limit for calls", 1, oneMethod, [][]byte{fullItem(20_000)}},
		{"names do not add up", 3, streamMethod, [][]byte{field(1, repeat(100_000, field(2, nil)))}},
		{"corrections, as many as the contract takes", 3, credenzav1.ReviewService_PutCorrections_FullMethodName, [][]byte{wireOf(t, fullCorrections())}},
		{"a filter of all that there is", 3, credenzav1.ReviewService_ListReviewItems_FullMethodName, [][]byte{wireOf(t, fullFilter())}},
		{"columns and overrides of all of them", 3, submitMethod, [][]byte{wireOf(t, &credenzav1.SubmitJobRequest{Rows: wideRows()})}},
		{"the same in a feed", 3, feedMethod, [][]byte{emptySpec, wireOf(t, &credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Rows{Rows: wideRows()}})}},
		{"nor do options", 3, streamMethod, [][]byte{slices.Concat(emptyItem, repeat(100_000, field(3, nil)))}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{config: rpc.Config{MaxItems: tc.maxItems}, reviews: &fakeReviews{}})
			if err := callWith(t, s, tc.method, tc.send...); err != nil {
				t.Error(err)
			}
		})
	}
}

func wireOf(t *testing.T, message proto.Message) []byte {
	t.Helper()
	wire, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// fullCorrections is a request with as many corrections as the contract takes, and all that
// one can have.
func fullCorrections() *credenzav1.PutCorrectionsRequest {
	list := make([]*credenzav1.Correction, 1000)
	for i := range list {
		list[i] = &credenzav1.Correction{
			Index: int64(i), Category: "SOFA", PrimaryStyle: "MODERN", SecondaryStyle: "MODERN", Note: "a note, with commas, {and braces}",
			Person: "Ada", Time: timestamppb.Now(), State: credenzav1.ReviewState_REVIEW_STATE_CORRECTED,
		}
	}
	return &credenzav1.PutCorrectionsRequest{JobId: "a", Person: "Ada", Change: &credenzav1.PutCorrectionsRequest_List{List: &credenzav1.CorrectionList{Corrections: list}}}
}

// fullFilter is a request with as many names in its filter as the contract takes.
func fullFilter() *credenzav1.ListReviewItemsRequest {
	return &credenzav1.ListReviewItemsRequest{JobId: "a", Filter: &credenzav1.ReviewFilter{
		Categories: slices.Repeat([]string{"SOFA"}, 200), Styles: slices.Repeat([]string{"MODERN"}, 200),
		Reasons: slices.Repeat([]credenzav1.ErrorReason{credenzav1.ErrorReason_ERROR_REASON_INVALID_ITEM}, 50),
	}}
}

// wideRows is a row with as many columns as the contract takes, all of them overridden.
func wideRows() *credenzav1.RowChunk {
	chunk := &credenzav1.RowChunk{Rows: []*credenzav1.Row{{Cells: []string{"Oak desk"}}}, Overrides: map[string]string{}}
	for i := range 1000 {
		name := fmt.Sprint("column ", i)
		chunk.Columns = append(chunk.Columns, name)
		chunk.Overrides[name] = ""
	}
	chunk.Overrides["product_name"] = "column 0"
	delete(chunk.Overrides, "column 0")
	return chunk
}

func TestUndecodableMessages(t *testing.T) {
	broken := []byte{0x0a, 0xff}
	latin1 := field(1, field(2, []byte("Eker\xf6")))
	for _, tc := range []struct {
		name   string
		method string
		send   [][]byte
	}{
		{"stream", streamMethod, [][]byte{broken}},
		{"stream, inside an item", streamMethod, [][]byte{field(1, broken)}},
		{"stream, text that is not UTF-8", streamMethod, [][]byte{latin1}},
		{"feed's spec", feedMethod, [][]byte{broken}},
		{"feed's items", feedMethod, [][]byte{emptySpec, field(2, latin1)}},
		{"one item", oneMethod, [][]byte{latin1}},
		{"job", submitMethod, [][]byte{latin1}},
		{"a message without items", credenzav1.OperationsService_UpdateSettings_FullMethodName, [][]byte{broken}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{})
			err := callWith(t, s, tc.method, tc.send...)
			wantInvalid(t, err, "INVALID_REQUEST")
			if !strings.Contains(err.Error(), "cannot be decoded") {
				t.Errorf("got %v", err)
			}
			line := s.logs.All()[0].ContextMap()
			if cause, _ := line["cause"].(string); cause == "" {
				t.Errorf("the log gives no cause: %v", line)
			}
		})
	}
}

// A stranger learns nothing of what is wrong with a message.
func TestStrangersAreRefusedBeforeTheirMessage(t *testing.T) {
	s := start(t, setup{tokens: &auth.Tokens{}})
	for _, method := range []string{streamMethod, feedMethod, oneMethod, submitMethod} {
		err := callWith(t, s, method, []byte{0x0a, 0xff})
		if got := status.Convert(err); got.Code() != codes.Unauthenticated || detail[*errdetails.ErrorInfo](got) == nil {
			t.Errorf("%s: got %v", method, err)
		}
	}
}

func TestUnknownFieldsMeanNothing(t *testing.T) {
	s := start(t, setup{})
	item, err := proto.Marshal(&credenzav1.ClassifyRequest{Item: &credenzav1.Item{}})
	if err != nil {
		t.Fatal(err)
	}
	forged := field(19_000, []byte(`{"Reason":17,"Field":"x","Text":"y"}`))
	for name, unknown := range map[string][]byte{
		"of a later contract": field(99, []byte("x")), "with a refusal's number": forged,
	} {
		if err := callWith(t, s, oneMethod, slices.Concat(item, unknown)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
