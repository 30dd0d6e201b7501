package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func TestSubmitJob_IsTheJobOfAnUpload(t *testing.T) {
	var specs []catalog.JobSpec
	s := start(t, setup{jobs: &fakeJobs{Jobs: rpctest.NewJobs(), create: func(spec catalog.JobSpec) { specs = append(specs, spec) }}})
	c := s.rawJobs(t)
	spec := &credenzav1.JobSpec{
		DisplayName: "spring", RequestId: "key", Mode: credenzav1.Mode_MODE_TEXT, Options: &credenzav1.ClassifyOptions{BatchSize: 7},
	}
	uploaded, err := upload(t, c, jobSpec(spec), jobItems("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	submitted, err := c.SubmitJob(t.Context(), &credenzav1.SubmitJobRequest{Spec: spec, Items: items("c")})
	if err != nil || submitted.GetJob().GetJobId() != uploaded.GetJobId() || submitted.GetJob().GetProgress().GetTotal() != 2 {
		t.Errorf("with the same key: %v, %v", submitted, err)
	}
	equal(t, specs[0], specs[1])
	none, err := c.SubmitJob(t.Context(), &credenzav1.SubmitJobRequest{Spec: spec})
	if err != nil || none.GetJob().GetJobId() != uploaded.GetJobId() {
		t.Errorf("with the same key and no items: %v, %v", none, err)
	}
	other, err := c.SubmitJob(t.Context(), &credenzav1.SubmitJobRequest{Items: items("a", "b", "c")})
	if err != nil || other.GetJob().GetProgress().GetTotal() != 3 || other.GetJob().GetState() != credenzav1.JobState_JOB_STATE_QUEUED {
		t.Errorf("without a spec: %v, %v", other, err)
	}
	equal(t, catalog.JobSpec{Owner: catalog.Owner{All: true}, Options: catalog.Options{Priority: catalog.Bulk}}, specs[3])
}

func TestSubmitJob_RefusesBadRequests(t *testing.T) {
	const invalid = "INVALID_REQUEST"
	for _, tc := range []struct {
		name          string
		req           *credenzav1.SubmitJobRequest
		reason, field string
	}{
		{"nothing at all", &credenzav1.SubmitJobRequest{}, invalid, "items"},
		{"no items", &credenzav1.SubmitJobRequest{Spec: &credenzav1.JobSpec{}}, invalid, "items"},
		{"too many items", &credenzav1.SubmitJobRequest{Items: items(make([]string, 11)...)}, "TOO_MANY_ITEMS", "items"},
		{"bad mode", &credenzav1.SubmitJobRequest{Items: items("a"), Spec: &credenzav1.JobSpec{Mode: 9}}, invalid, "spec.mode"},
		{"long key", &credenzav1.SubmitJobRequest{Items: items("a"), Spec: &credenzav1.JobSpec{RequestId: strings.Repeat("n", 201)}}, invalid, "spec.request_id"},
		{
			"unknown model", &credenzav1.SubmitJobRequest{Items: items("a"), Spec: &credenzav1.JobSpec{Options: &credenzav1.ClassifyOptions{Model: "x"}}},
			"UNKNOWN_MODEL", "spec.options.model",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{config: rpc.Config{MaxItems: 10}})
			_, err := s.rawJobs(t).SubmitJob(t.Context(), tc.req)
			wantInvalid(t, err, tc.reason, tc.field)
			if ids := jobIDs(t, s.client(t), credenza.JobQuery{}); len(ids) > 0 {
				t.Errorf("%v was left behind", ids)
			}
		})
	}
	s := start(t, setup{config: rpc.Config{MaxRequestBytes: 1000}})
	_, err := s.rawJobs(t).SubmitJob(t.Context(), &credenzav1.SubmitJobRequest{Items: items(strings.Repeat("x", 1001))})
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "more than 1000 bytes") {
		t.Errorf("a large message: %v", err)
	}
}

// TestSubmitJob_KeepsItemsAsBytes has a store that takes the first item only, and waits.
func TestSubmitJob_KeepsItemsAsBytes(t *testing.T) {
	const n = 100_000
	request := &credenzav1.SubmitJobRequest{Items: make([]*credenzav1.Item, n)}
	for i := range request.Items {
		request.Items[i] = &credenzav1.Item{Id: "x"}
	}
	var before, during runtime.MemStats
	s := start(t, setup{jobs: &sourceJobs{take: func(ctx context.Context, next classify.Source) error {
		if _, err := next(ctx); err != nil {
			return err
		}
		runtime.GC()
		runtime.ReadMemStats(&during)
		return nil
	}}})
	c := s.rawJobs(t)
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := c.SubmitJob(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	// The message has 0.5 MB, and each item would take 300 bytes.
	if grown := int64(during.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("the items take %d KiB while they wait", grown>>10)
	}
	runtime.KeepAlive(request)
}

// TestSubmitJob_OfRows sends the same rows by gRPC and as JSON over HTTP.
func TestSubmitJob_OfRows(t *testing.T) {
	var got []*catalog.Item
	h := startHTTP(t, setup{jobs: &sourceJobs{take: func(ctx context.Context, next classify.Source) error {
		got = nil
		for {
			item, err := next(ctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			got = append(got, item)
		}
	}}})
	columns := []string{"sku", "titel", "price", "stock"}
	sent := [][]string{{"1", "Eichenstuhl", "9", "3"}, {"2", "Sofa", "8", "4", "", "more"}, {"3"}}
	chunk := rowChunk(columns, sent...)
	chunk.Overrides = map[string]string{"price_range": ""}
	ways := map[string]func() error{
		"gRPC": func() error {
			_, err := h.rawJobs(t).SubmitJob(t.Context(), &credenzav1.SubmitJobRequest{Rows: chunk})
			return err
		},
		"JSON": func() error {
			body, err := protojson.Marshal(&credenzav1.SubmitJobRequest{Rows: chunk})
			if err != nil {
				return err
			}
			if code, answer := h.post(t, atJobs+"SubmitJob", string(body)); code != 200 {
				return fmt.Errorf("%d %s", code, answer)
			}
			return nil
		},
	}
	for name, submit := range ways {
		t.Run(name, func(t *testing.T) {
			if err := submit(); err != nil {
				t.Fatal(err)
			}
			if names := namesOf(got); names != "1=Eichenstuhl 2=Sofa 3=" || got[0].PriceRange != "" {
				t.Errorf("got %q, the price is %q", names, got[0].PriceRange)
			}
			for i, want := range [][]string{sent[0], {"2", "Sofa", "8", "4", "more"}, sent[2]} {
				if row := got[i].Row; !slices.Equal(row.Cells, want) || !slices.Equal(row.Columns, columns) {
					t.Errorf("row %d is %q of %q", i, row.Cells, row.Columns)
				}
			}
			if f := got[1].Check(); f == nil || f.Reason.String() != "INVALID_ITEM" {
				t.Errorf("a row with a cell too many: %v", f)
			}
		})
	}
}

// TestSubmitJob_OfRowsWithAKey repeats a call.
func TestSubmitJob_OfRowsWithAKey(t *testing.T) {
	c := start(t, setup{jobs: rpctest.NewJobs()}).rawJobs(t)
	req := &credenzav1.SubmitJobRequest{Spec: &credenzav1.JobSpec{RequestId: "key"}, Rows: rowChunk([]string{"name"}, []string{"a"}, []string{"b"})}
	var id string
	for range 2 {
		res, err := c.SubmitJob(t.Context(), req)
		if err != nil || res.GetJob().GetProgress().GetTotal() != 2 || id != "" && res.GetJob().GetJobId() != id {
			t.Fatal(res, err)
		}
		id = res.GetJob().GetJobId()
	}
}

// sourceJobs hands the items of a job to a function.
type sourceJobs struct {
	rpc.Jobs
	take func(ctx context.Context, next classify.Source) error
}

func (j *sourceJobs) Create(ctx context.Context, _ catalog.JobSpec, next classify.Source) (catalog.Job, error) {
	return catalog.Job{}, j.take(ctx, next)
}

func TestSubmitJob_OverConnectJSON(t *testing.T) {
	jobs := rpctest.NewJobs()
	jobs.Busy = true
	h := startHTTP(t, setup{jobs: jobs})
	var submitted struct {
		Job struct {
			JobID    string `json:"jobId"`
			Progress struct{ Total string }
		}
	}
	code, body := h.post(t, atJobs+"SubmitJob", `{"spec": {"displayName": "chairs"}, "items": [{"id": "1", "productName": "sofa"}, {"productName": "flawed"}]}`)
	if err := json.Unmarshal([]byte(body), &submitted); code != 200 || err != nil || submitted.Job.Progress.Total != "2" {
		t.Fatal(code, body, err)
	}
	code, body = h.post(t, atJobs+"ListJobResults", fmt.Sprintf(`{"jobId": %q, "filter": "RESULT_FILTER_FAILED"}`, submitted.Job.JobID))
	if code != 200 || !strings.Contains(body, `"productName":"flawed"`) || strings.Contains(body, `"productName":"sofa"`) || !strings.Contains(body, `"nextPageToken":""`) {
		t.Errorf("%d %s", code, body)
	}
	code, body = h.post(t, atJobs+"SubmitJob", `{"items": []}`)
	if code != 400 || !strings.Contains(body, "a job needs at least one item: send some") {
		t.Errorf("%d %s", code, body)
	}
}
