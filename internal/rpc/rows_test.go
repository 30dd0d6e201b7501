package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/rpc"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func feedRows(chunk *credenzav1.RowChunk) *credenzav1.ClassifyFeedRequest {
	return &credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Rows{Rows: chunk}}
}

// feedOf makes a raw ClassifyFeed call of these messages after its spec.
func feedOf(t *testing.T, s *running, messages ...*credenzav1.ClassifyFeedRequest) error {
	t.Helper()
	stream, err := s.rawItems(t).ClassifyFeed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append([]*credenzav1.ClassifyFeedRequest{feedSpec(&credenzav1.FeedSpec{})}, messages...) {
		if err := stream.Send(m); err != nil {
			break // the call has failed already; receiving says why
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	return drain(stream.Recv)
}

func namesOf(items []*catalog.Item) string {
	var names []string
	for _, item := range items {
		names = append(names, item.ID+"="+item.Name)
	}
	return strings.Join(names, " ")
}

func TestRows_OfAFeed(t *testing.T) {
	columns := []string{"sku", "name", "price"}
	override := &credenzav1.RowChunk{Columns: columns, Overrides: map[string]string{"product_name": "price", "price_range": ""}, Rows: []*credenzav1.Row{{Cells: []string{"1", "a", "x y"}}}}
	for _, tc := range []struct {
		name string
		send []*credenzav1.ClassifyFeedRequest
		want string
	}{
		{"two chunks", []*credenzav1.ClassifyFeedRequest{
			feedRows(rowChunk(columns, []string{"1", "a"}, []string{"2", "b"})), feedRows(rowChunk(nil, []string{"3", "c"})),
		}, "1=a 2=b 3=c"},
		{"the same columns again", []*credenzav1.ClassifyFeedRequest{
			feedRows(rowChunk(columns, []string{"1", "a"})), feedRows(rowChunk(columns, []string{"2", "b"})),
		}, "1=a 2=b"},
		{"columns first, and chunks without rows", []*credenzav1.ClassifyFeedRequest{
			feedRows(rowChunk(nil)), feedRows(rowChunk(columns)), feedRows(rowChunk(nil)), feedRows(rowChunk(nil, []string{"1", "a"})),
		}, "1=a"},
		{"items between rows", []*credenzav1.ClassifyFeedRequest{
			feedItems("first"), feedRows(rowChunk(columns, []string{"1", "a"})), feedItems("x", "y"), feedRows(rowChunk(nil, []string{"2", "b"})),
		}, "=first 1=a =x =y 2=b"},
		{"overrides, also again", []*credenzav1.ClassifyFeedRequest{feedRows(override), feedRows(override)}, "1=x y 1=x y"},
		{"nothing but blank rows in the sample", []*credenzav1.ClassifyFeedRequest{
			feedRows(rowChunk(columns, nil, []string{""})), feedRows(rowChunk(nil, []string{"1", "a"})),
		}, "= = 1=a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []*catalog.Item
			s := start(t, setup{engine: collecting(&got)})
			if err := feedOf(t, s, tc.send...); err != nil {
				t.Fatal(err)
			}
			if names := namesOf(got); names != tc.want {
				t.Errorf("got %q, want %q", names, tc.want)
			}
		})
	}
}

func TestRows_ThatFailTheCall(t *testing.T) {
	columns, row := []string{"id", "name"}, []string{"1", "a"}
	with := func(overrides map[string]string) *credenzav1.RowChunk {
		chunk := rowChunk(columns, row)
		chunk.Overrides = overrides
		return chunk
	}
	first := rowChunk(columns, row)
	for _, tc := range []struct {
		name        string
		chunks      []*credenzav1.RowChunk
		field, says string
	}{
		{"no columns", []*credenzav1.RowChunk{rowChunk(nil, row)}, "rows.columns", "send the name of each column"},
		{"too many columns", []*credenzav1.RowChunk{rowChunk(make([]string, 1001), row)}, "rows.columns", "there are 1001, at most 1000"},
		{"long columns", []*credenzav1.RowChunk{rowChunk([]string{strings.Repeat("n", 128<<10), "x"}, row)}, "rows.columns", "shorten"},
		{"an unknown field", []*credenzav1.RowChunk{with(map[string]string{"colour": "name"})}, "rows.overrides", `"colour" is not a field: give one of attribute, id, product_name`},
		{"the parent, which rows do not have", []*credenzav1.RowChunk{with(map[string]string{"parent": "id"})}, "rows.overrides", `"parent" is not a field`},
		{"an unknown column", []*credenzav1.RowChunk{with(map[string]string{"product_name": "nom"})}, "rows.overrides", `there is no column "nom": there are id, name`},
		{"an unknown column to leave out", []*credenzav1.RowChunk{with(map[string]string{"colour": ""})}, "rows.overrides", `there is no column "colour"`},
		{"other columns", []*credenzav1.RowChunk{first, rowChunk([]string{"id", "title"}, row)}, "rows.columns", "send the same or none"},
		{"fewer columns", []*credenzav1.RowChunk{first, rowChunk([]string{"id"}, row)}, "rows.columns", "send the same or none"},
		{"later overrides", []*credenzav1.RowChunk{first, with(map[string]string{"id": ""})}, "rows.overrides", "with the first chunk only"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{})
			refused := func(kind string, err error) {
				t.Helper()
				wantInvalid(t, err, "INVALID_REQUEST", tc.field)
				if message := status.Convert(err).Message(); !strings.Contains(message, tc.says) {
					t.Errorf("%s: got %q, want it to say %q", kind, message, tc.says)
				}
			}
			var feed []*credenzav1.ClassifyFeedRequest
			job := []*credenzav1.CreateJobRequest{jobSpec(&credenzav1.JobSpec{})}
			for _, chunk := range tc.chunks {
				feed = append(feed, feedRows(chunk))
				job = append(job, &credenzav1.CreateJobRequest{Part: &credenzav1.CreateJobRequest_Rows{Rows: chunk}})
			}
			refused("feed", feedOf(t, s, feed...))
			_, err := upload(t, s.rawJobs(t), job...)
			refused("job", err)
			if len(tc.chunks) == 1 {
				refused("stream", streamError(context.Background(), s.rawItems(t), &credenzav1.ClassifyStreamRequest{Rows: tc.chunks[0]}))
				_, err := s.rawJobs(t).SubmitJob(t.Context(), &credenzav1.SubmitJobRequest{Rows: tc.chunks[0]})
				refused("submitted job", err)
			}
		})
	}
}

func TestRows_InAList(t *testing.T) {
	s := start(t, setup{config: rpc.Config{MaxItems: 2}})
	columns := []string{"name"}
	for _, tc := range []struct {
		name   string
		req    *credenzav1.ClassifyStreamRequest
		reason string
		field  string
	}{
		{"items as well", &credenzav1.ClassifyStreamRequest{Items: items("a"), Rows: rowChunk(columns, columns)}, "INVALID_REQUEST", "rows"},
		{"no row", &credenzav1.ClassifyStreamRequest{Rows: rowChunk(columns)}, "INVALID_REQUEST", "rows"},
		{"nothing in the rows", &credenzav1.ClassifyStreamRequest{Rows: rowChunk(nil)}, "INVALID_REQUEST", "rows"},
		{"too many rows", &credenzav1.ClassifyStreamRequest{Rows: rowChunk(columns, columns, columns, columns)}, "TOO_MANY_ITEMS", "rows"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantInvalid(t, streamError(context.Background(), s.rawItems(t), tc.req), tc.reason, tc.field)
			_, err := s.rawJobs(t).SubmitJob(t.Context(), &credenzav1.SubmitJobRequest{Items: tc.req.GetItems(), Rows: tc.req.GetRows()})
			wantInvalid(t, err, tc.reason, tc.field)
		})
	}
}

func TestRows_OfAJobAreItsItems(t *testing.T) {
	s := start(t, setup{})
	chunk := rowChunk([]string{"id", "name"}, []string{"1", "a"}, []string{"2", "b"})
	job, err := upload(t, s.rawJobs(t), jobSpec(&credenzav1.JobSpec{}),
		&credenzav1.CreateJobRequest{Part: &credenzav1.CreateJobRequest_Rows{Rows: chunk}}, jobItems("c"))
	if err != nil || job.GetProgress().GetTotal() != 3 {
		t.Errorf("%v, %v", job, err)
	}
}

// What an item keeps of its row is what was sent, and all rows share the names.
func TestRows_StayWithTheirItems(t *testing.T) {
	var got []*catalog.Item
	s := start(t, setup{engine: collecting(&got)})
	columns := []string{"", "name", "name", "stock"}
	sent := [][]string{{"0", "a", "b", " 3 "}, {"1", "c"}, {"2", "d", "", "", "", "e", "f"}}
	if err := streamError(t.Context(), s.rawItems(t), &credenzav1.ClassifyStreamRequest{Rows: rowChunk(columns, sent...)}); err != nil {
		t.Fatal(err)
	}
	want := [][]string{sent[0], sent[1], {"2", "d", "", "", "e"}}
	for i, item := range got {
		if !slices.Equal(item.Row.Columns, columns) || !slices.Equal(item.Row.Cells, want[i]) || &item.Row.Columns[0] != &got[0].Row.Columns[0] {
			t.Errorf("row %d: %q", i, item.Row)
		}
	}
	if f := got[2].Check(); f == nil || f.Reason.String() != "INVALID_ITEM" || !strings.Contains(f.Message, "more cells than its 4 columns") {
		t.Errorf("got %v", f)
	}
}

func TestRows_InJSONOverHTTP(t *testing.T) {
	var got []*catalog.Item
	h := startHTTP(t, setup{engine: collecting(&got)})
	body := `{"rows": {"columns": ["sku", "name", "price"], "rows": [{"cells": ["1", "a", "9"]}, {"cells": ["2"]}, {}], "overrides": {"price_range": ""}}}`
	status, answer := h.send(t, http.MethodPost, atStream, strings.NewReader(envelope(body)), "Content-Type: application/connect+json")
	if status != http.StatusOK || !strings.Contains(answer, `"total":"3"`) {
		t.Errorf("%d %s", status, answer)
	}
	if names := namesOf(got); names != "1=a 2= =" || got[0].PriceRange != "" {
		t.Errorf("got %q, price %q", names, got[0].PriceRange)
	}
	feed := connect.NewClient[credenzav1.ClassifyFeedRequest, credenzav1.ClassifyFeedResponse](h.over(t, 2), atFeed, connect.WithProtoJSON()).CallBidiStream(t.Context())
	for _, m := range []*credenzav1.ClassifyFeedRequest{
		feedSpec(&credenzav1.FeedSpec{}), feedRows(rowChunk([]string{"name"}, []string{"a"})), feedRows(rowChunk(nil, []string{"b"})),
	} {
		if err := feed.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(feed.CloseRequest(), drain(feed.Receive), feed.CloseResponse()); err != nil || namesOf(got) != "=a =b" {
		t.Errorf("feed: %v: %q", err, namesOf(got))
	}
}

func TestRows_CellsInJSONAreBounded(t *testing.T) {
	h := startHTTP(t, setup{config: rpc.Config{MaxItems: 1000}})
	row := func(cells int) string {
		return `{"rows":{"columns":["name"],"rows":[{"cells":["a"` + strings.Repeat(`,""`, cells-1) + `]}]}}`
	}
	for cells, want := range map[int]string{50_000: `"total":"1"`, 50_002: "there are more than 50000 cells"} {
		if _, answer := h.send(t, http.MethodPost, atStream, strings.NewReader(envelope(row(cells))), "Content-Type: application/connect+json"); !strings.Contains(answer, want) {
			t.Errorf("%d cells: %s", cells, answer)
		}
	}
}

func TestRows_HundredThousandStayBytes(t *testing.T) {
	const count = 100_000
	chunk := &credenzav1.RowChunk{Columns: []string{"sku", "name", "description", "price", "colour"}}
	cells := []string{"", "Three-seat sofa", strings.Repeat("word ", 60), "499 EUR", "grey"}
	chunk.Rows = make([]*credenzav1.Row, count)
	for i := range chunk.Rows {
		chunk.Rows[i] = &credenzav1.Row{Cells: append([]string{fmt.Sprint(i)}, cells[1:]...)}
	}
	wire, err := proto.Marshal(&credenzav1.ClassifyStreamRequest{Rows: chunk})
	if err != nil {
		t.Fatal(err)
	}
	chunk = nil
	budget := intake.New(0)
	var held, heap []int64
	var last string
	before := inUse()
	s := start(t, setup{config: rpc.Config{Intake: budget}, engine: fakeEngine{
		run: func(ctx context.Context, _ classify.Call, next classify.Source, _ classify.Sink) (catalog.Summary, error) {
			for i := 0; ; i++ {
				item, err := next(ctx)
				if errors.Is(err, io.EOF) {
					return catalog.Summary{}, nil
				}
				if err != nil {
					return catalog.Summary{}, err
				}
				last = item.ID
				if i%20_000 == 1 {
					held, heap = append(held, budget.Held()), append(heap, inUse()-before)
				}
			}
		},
	}})
	if err := callWith(t, s, streamMethod, wire); err != nil || last != fmt.Sprint(count-1) {
		t.Fatalf("%v, the last is %s", err, last)
	}
	size := int64(len(wire))
	runtime.KeepAlive(wire) // it is in what was counted before
	t.Logf("%d MiB on the wire: charged %v, in memory %v", size>>20, held, heap)
	if held[0] < size*9/10 || held[4] > size*3/10 {
		t.Errorf("charged %v of %d bytes", held, size)
	}
	for i, n := range heap {
		if n > held[i]+size/4 {
			t.Errorf("after %d rows %d bytes are in memory, and %d are charged", i*20_000, n, held[i])
		}
	}
}

// The first rows say what the columns hold, and must not stay for that.
func TestRows_OfTheSampleAreLetGo(t *testing.T) {
	const count, size = 150, 200 << 10
	rows := make([][]string, count)
	for i := range rows {
		rows[i] = []string{fmt.Sprint(i), strings.Repeat("word ", size/5), ""}
	}
	rows[count-1][2] = strings.Repeat("first value of its column ", 400_000)
	wire, err := proto.Marshal(&credenzav1.ClassifyStreamRequest{Rows: rowChunk([]string{"sku", "description", "colour"}, rows...)})
	if err != nil {
		t.Fatal(err)
	}
	var left int64
	before := inUse()
	s := start(t, setup{engine: fakeEngine{
		run: func(ctx context.Context, _ classify.Call, next classify.Source, _ classify.Sink) (catalog.Summary, error) {
			for {
				if _, err := next(ctx); err != nil {
					left = inUse() - before
					runtime.KeepAlive(next)
					return catalog.Summary{}, nil //nolint:nilerr // the end of the rows
				}
			}
		},
	}})
	if err := callWith(t, s, streamMethod, wire); err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(wire)
	t.Logf("%d KiB are in memory after the last of %d KiB", left>>10, len(wire)>>10)
	if left > 4<<20 {
		t.Errorf("%d KiB are in memory after the last of %d KiB", left>>10, len(wire)>>10)
	}
}

func TestRows_CellsThatGrow(t *testing.T) {
	for column, text := range map[string]string{"image_url": "https://", "tags": ",a", "link": "//a.b|"} {
		var got []*catalog.Item
		s := start(t, setup{engine: collecting(&got)})
		const size = 16 << 20
		request := &credenzav1.ClassifyStreamRequest{Rows: rowChunk([]string{column}, []string{strings.Repeat(text, size/len(text))})}
		client := s.rawItems(t)
		before := allocated()
		if err := streamError(t.Context(), client, request); err != nil || len(got) != 1 {
			t.Fatalf("%s: %d items, %v", column, len(got), err)
		}
		if n := int64(allocated()-before) / size; n > 7 {
			t.Errorf("%s: %d times its size was allocated", column, n)
		}
	}
}

// inUse returns how many bytes are in memory.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // what is in pools goes with the second
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
