package rpc_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/upstream"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// wantInvalid checks that a call failed for the named fields.
func wantInvalid(t *testing.T, err error, reason string, fields ...string) {
	t.Helper()
	s := status.Convert(err)
	if s.Code() != codes.InvalidArgument {
		t.Fatalf("got %v, want INVALID_ARGUMENT", err)
	}
	if got := detail[*errdetails.ErrorInfo](s).GetReason(); got != reason {
		t.Errorf("the reason is %q, want %q", got, reason)
	}
	var got []string
	for _, v := range detail[*errdetails.BadRequest](s).GetFieldViolations() {
		got = append(got, v.GetField())
		if v.GetDescription() == "" {
			t.Errorf("nothing is said about %s", v.GetField())
		}
		if !strings.Contains(s.Message(), v.GetField()) {
			t.Errorf("the message %q does not name %s", s.Message(), v.GetField())
		}
	}
	slices.Sort(got)
	equal(t, fields, got)
}

func TestClassifyStreamRefusesBadRequests(t *testing.T) {
	const invalid = "INVALID_REQUEST"
	one := items("a")
	with := func(o *credenzav1.ClassifyOptions) *credenzav1.ClassifyStreamRequest {
		return &credenzav1.ClassifyStreamRequest{Items: one, Options: o}
	}
	for _, tc := range []struct {
		name   string
		req    *credenzav1.ClassifyStreamRequest
		reason string
		fields []string
	}{
		{"no items", &credenzav1.ClassifyStreamRequest{}, invalid, []string{"items"}},
		{"too many items", &credenzav1.ClassifyStreamRequest{Items: items("a", "b", "c", "d")}, "TOO_MANY_ITEMS", []string{"items"}},
		{"no such mode", &credenzav1.ClassifyStreamRequest{Items: one, Mode: 99}, invalid, []string{"mode"}},
		{"negative mode", &credenzav1.ClassifyStreamRequest{Items: one, Mode: -1}, invalid, []string{"mode"}},
		{"negative size", with(&credenzav1.ClassifyOptions{BatchSize: -1}), invalid, []string{"options.batch_size"}},
		{"large size", with(&credenzav1.ClassifyOptions{BatchSize: 1001}), invalid, []string{"options.batch_size"}},
		{"no such delivery", with(&credenzav1.ClassifyOptions{Delivery: 9}), invalid, []string{"options.delivery"}},
		{"no such priority", with(&credenzav1.ClassifyOptions{Priority: 9}), invalid, []string{"options.priority"}},
		{"no such policy", with(&credenzav1.ClassifyOptions{CachePolicy: 9}), invalid, []string{"options.cache_policy"}},
		{"no such fallback", with(&credenzav1.ClassifyOptions{ImageFallback: 9}), invalid, []string{"options.image_fallback"}},
		{"unknown model", with(&credenzav1.ClassifyOptions{Model: "gpt-9"}), "UNKNOWN_MODEL", []string{"options.model"}},
		{"endless model", with(&credenzav1.ClassifyOptions{Model: strings.Repeat("m", 201)}), invalid, []string{"options.model"}},
		{"negative time", with(&credenzav1.ClassifyOptions{ItemTimeout: durationpb.New(-1)}), invalid, []string{"options.item_timeout"}},
		{"a long time", with(&credenzav1.ClassifyOptions{ItemTimeout: durationpb.New(25 * time.Hour)}), invalid, []string{"options.item_timeout"}},
		{"two at once", with(&credenzav1.ClassifyOptions{BatchSize: -1, Delivery: 9}), invalid, []string{"options.batch_size", "options.delivery"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{config: rpc.Config{MaxItems: 3, Models: []string{"small", "large"}}})
			err := streamError(context.Background(), s.rawItems(t), tc.req)
			wantInvalid(t, err, tc.reason, tc.fields...)
		})
	}
}

func TestClassifyRefusesBadRequests(t *testing.T) {
	s := start(t, setup{})
	c := s.rawItems(t)
	_, err := c.Classify(context.Background(), &credenzav1.ClassifyRequest{})
	wantInvalid(t, err, "INVALID_REQUEST", "item")
	_, err = c.Classify(context.Background(), &credenzav1.ClassifyRequest{
		Item: &credenzav1.Item{}, Options: &credenzav1.ClassifyOptions{Model: "other"},
	})
	wantInvalid(t, err, "UNKNOWN_MODEL", "options.model")
}

func TestUpdateSettingsRefusesBadRequests(t *testing.T) {
	s := start(t, setup{})
	c := credenzav1.NewOperationsServiceClient(s.raw(t))
	for n, refused := range map[int32]bool{upstream.MaxWorkers: false, upstream.MaxWorkers + 1: true} { // as settings and the gate have it
		if _, err := c.UpdateSettings(context.Background(), &credenzav1.UpdateSettingsRequest{MaxWorkers: &n}); (err != nil) != refused {
			t.Errorf("max_workers %d: %v", n, err)
		}
	}
	for field, req := range map[string]*credenzav1.UpdateSettingsRequest{
		"max_workers": {MaxWorkers: new(int32)},
		"log_level":   {LogLevel: new(credenzav1.LogLevel)},
	} {
		_, err := c.UpdateSettings(context.Background(), req)
		wantInvalid(t, err, "INVALID_REQUEST", field)
	}
}

func feedSpec(spec *credenzav1.FeedSpec) *credenzav1.ClassifyFeedRequest {
	return &credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Spec{Spec: spec}}
}

func feedItems(names ...string) *credenzav1.ClassifyFeedRequest {
	return &credenzav1.ClassifyFeedRequest{
		Part: &credenzav1.ClassifyFeedRequest_Items{Items: &credenzav1.ItemChunk{Items: items(names...)}},
	}
}

func TestClassifyFeedRefusesBadMessages(t *testing.T) {
	type messages = []*credenzav1.ClassifyFeedRequest
	ok := feedSpec(&credenzav1.FeedSpec{})
	for _, tc := range []struct {
		name   string
		send   messages
		reason string
		field  string
	}{
		{"nothing at all", nil, "INVALID_REQUEST", "spec"},
		{"items first", messages{feedItems("a")}, "INVALID_REQUEST", "spec"},
		{"spec twice", messages{ok, feedItems("a"), ok}, "INVALID_REQUEST", "spec"},
		{"empty message first", messages{{}}, "INVALID_REQUEST", "part"},
		{"empty message later", messages{ok, {}}, "INVALID_REQUEST", "part"},
		{"bad mode", messages{feedSpec(&credenzav1.FeedSpec{Mode: 9})}, "INVALID_REQUEST", "spec.mode"},
		{
			"bad size",
			messages{feedSpec(&credenzav1.FeedSpec{Options: &credenzav1.ClassifyOptions{BatchSize: -1}})},
			"INVALID_REQUEST", "spec.options.batch_size",
		},
		{
			"unknown model",
			messages{feedSpec(&credenzav1.FeedSpec{Options: &credenzav1.ClassifyOptions{Model: "x"}})},
			"UNKNOWN_MODEL", "spec.options.model",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{})
			stream, err := s.rawItems(t).ClassifyFeed(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range tc.send {
				if err := stream.Send(m); err != nil {
					break // the call has failed already; receiving says why
				}
			}
			if err := stream.CloseSend(); err != nil {
				t.Fatal(err)
			}
			wantInvalid(t, drain(stream.Recv), tc.reason, tc.field)
		})
	}
}

func TestFeedTakesEmptyChunks(t *testing.T) {
	s := start(t, setup{})
	stream, err := s.rawItems(t).ClassifyFeed(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*credenzav1.ClassifyFeedRequest{feedSpec(nil), feedItems(), feedItems("a"), feedItems(), feedItems("b", "c")} {
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var names []string
	var total int64
	for {
		res, err := stream.Recv()
		if err != nil {
			break
		}
		for _, r := range res.GetBatch().GetResults() {
			names = append(names, r.GetProductName())
		}
		total += res.GetSummary().GetTotal()
	}
	equal(t, []string{"a", "b", "c"}, names)
	equal(t, int64(3), total)
}

func TestLimitsLetTheirLastValueThrough(t *testing.T) {
	s := start(t, setup{config: rpc.Config{MaxItems: 3, Models: []string{"small"}}})
	req := &credenzav1.ClassifyStreamRequest{Items: items("a", "b", "c"), Options: &credenzav1.ClassifyOptions{
		Model: "small", BatchSize: 1000, ItemTimeout: durationpb.New(24 * time.Hour),
	}}
	if err := streamError(context.Background(), s.rawItems(t), req); err != nil {
		t.Error(err)
	}
}

func TestTooLargeAMessage(t *testing.T) {
	s := start(t, setup{config: rpc.Config{MaxRequestBytes: 1000}})
	large := strings.Repeat("x", 2000)
	t.Run("sent by any program", func(t *testing.T) {
		err := streamError(context.Background(), s.rawItems(t), &credenzav1.ClassifyStreamRequest{Items: items(large)})
		if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "more than 1000 bytes") ||
			detail[*errdetails.ErrorInfo](status.Convert(err)).GetReason() != "MESSAGE_TOO_LARGE" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("sent by the client", func(t *testing.T) {
		c := s.client(t, credenza.WithMaxMessageBytes(1000))
		var err error
		for _, err = range c.ClassifyStream(context.Background(), []credenza.Item{{ProductName: large}}, credenza.Options{}).Results() {
		}
		e := clientError(t, err)
		if e.Code != "INVALID_ARGUMENT" || !strings.Contains(e.Message, "at most 1000") {
			t.Errorf("got %v", err)
		}
	})
}

func TestNewServerChecksItsConfig(t *testing.T) {
	for name, config := range map[string]rpc.Config{
		"items": {MaxItems: -1}, "bytes": {MaxRequestBytes: -1}, "tls": {TLS: rpc.TLSFiles{Cert: "only.pem"}},
	} {
		if _, err := rpc.NewServer(config, parts()); err == nil {
			t.Errorf("%s: a bad value was taken", name)
		}
	}
	lacking := parts()
	lacking.Engine = nil
	if _, err := rpc.NewServer(rpc.Config{}, lacking); err == nil {
		t.Error("a server without an engine was built")
	}
	twice := parts()
	if _, err := rpc.NewServer(rpc.Config{}, twice); err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.NewServer(rpc.Config{}, twice); err == nil {
		t.Error("the metrics were registered twice")
	}
}
