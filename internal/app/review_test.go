package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// reviewed is a whole service on loopback with what a page and its tests call.
type reviewed struct {
	credenzav1.ReviewServiceClient
	app    *app.App
	client *credenza.Client
}

// serveReviews starts a service with the offline classifier.
func serveReviews(t testing.TB, flags ...string) *reviewed {
	t.Helper()
	config, err := parse(append([]string{"--backend=offline", "--log-level=error"}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	log := &buffer{}
	options := app.Options{LogTo: log}
	if !slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(f, "--data-dir") || strings.HasPrefix(f, "--nats-url") }) {
		options.Data = app.DataTemporary
	}
	r := &reviewed{}
	if r.app, err = app.Start(t.Context(), config, options); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(r.app.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	r.ReviewServiceClient = credenzav1.NewReviewServiceClient(conn)
	if r.client, err = credenza.Dial(r.app.GRPCAddr(), credenza.WithPlaintext()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = conn.Close(), r.client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.app.Close(ctx); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(log)
		}
	})
	return r
}

// job runs a job to its end.
func (r *reviewed) job(t testing.TB, items []credenza.Item, o credenza.Options) string {
	t.Helper()
	job, err := r.client.CreateJob(t.Context(), slices.Values(items), credenza.JobSpec{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	watch := r.client.WatchJob(t.Context(), job.ID, "")
	for _, err := range watch.Results() {
		if err != nil {
			t.Fatal(err)
		}
	}
	return job.ID
}

func (r *reviewed) list(t testing.TB, req *credenzav1.ListReviewItemsRequest) *credenzav1.ListReviewItemsResponse {
	t.Helper()
	res, err := r.ListReviewItems(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (r *reviewed) put(t testing.TB, req *credenzav1.PutCorrectionsRequest) *credenzav1.PutCorrectionsResponse {
	t.Helper()
	res, err := r.PutCorrections(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// furniture are beds, sofas and chairs in turn, and every tenth item is empty and so fails.
func furniture(n int) []credenza.Item {
	kinds := []string{"Oak bed", "Leather sofa", "Walnut chair"}
	return goods(n, func(i int, it *credenza.Item) {
		it.ProductName = fmt.Sprintf("%s %d", kinds[i%3], i)
		if i%10 == 9 {
			it.ProductName = ""
		}
	})
}

func correct(id string, c *credenzav1.Correction) *credenzav1.PutCorrectionsRequest {
	return &credenzav1.PutCorrectionsRequest{JobId: id, Person: "Ada", Change: &credenzav1.PutCorrectionsRequest_List{
		List: &credenzav1.CorrectionList{Corrections: []*credenzav1.Correction{c}},
	}}
}

func correctAll(id string, f *credenzav1.ReviewFilter, c *credenzav1.Correction) *credenzav1.PutCorrectionsRequest {
	return &credenzav1.PutCorrectionsRequest{JobId: id, Person: "Ben", Change: &credenzav1.PutCorrectionsRequest_Bulk{
		Bulk: &credenzav1.BulkCorrection{Filter: f, Correction: c},
	}}
}

func undo(id, change string) *credenzav1.PutCorrectionsRequest {
	return &credenzav1.PutCorrectionsRequest{JobId: id, Change: &credenzav1.PutCorrectionsRequest_Undo{Undo: change}}
}

func TestReview_APersonCorrectsResults(t *testing.T) {
	r := serveReviews(t)
	id := r.job(t, furniture(100), credenza.Options{})
	page := r.list(t, &credenzav1.ListReviewItemsRequest{JobId: id, Skip: 1, PageSize: 2})
	if page.GetTotal() != 100 || len(page.GetItems()) != 2 || page.GetItems()[0].GetResult().GetProductName() != "Leather sofa 1" {
		t.Fatalf("%+v", page)
	}
	first := r.put(t, correct(id, &credenzav1.Correction{Index: 1, Category: "BED", Note: "it folds out"}))
	all := r.put(t, correctAll(id, &credenzav1.ReviewFilter{Categories: []string{"SOFA"}}, &credenzav1.Correction{}))
	if first.GetChanged() != 1 || all.GetChanged() != 29 { // of 30 sofas
		t.Errorf("%v changed, then %v", first, all)
	}
	sum, err := r.SummarizeReview(t.Context(), &credenzav1.SummarizeReviewRequest{JobId: id})
	if err != nil || sum.GetTotal() != 100 || sum.GetAccepted() != 29 || sum.GetCorrected() != 1 || sum.GetUnchecked() != 70 {
		t.Errorf("%v, %v", sum, err)
	}
	if res := r.put(t, undo(id, all.GetChangeId())); res.GetChanged() != 29 {
		t.Errorf("%v undone", res)
	}
	corrections, err := r.ListCorrections(t.Context(), &credenzav1.ListCorrectionsRequest{JobId: id})
	if err != nil || len(corrections.GetCorrections()) != 1 {
		t.Fatalf("%v, %v", corrections, err)
	}
	c := corrections.GetCorrections()[0]
	if c.GetIndex() != 1 || c.GetCategory() != "BED" || c.GetPerson() != "Ada" || c.GetNote() != "it folds out" ||
		c.GetState() != credenzav1.ReviewState_REVIEW_STATE_CORRECTED || time.Since(c.GetTime().AsTime()) > time.Minute {
		t.Errorf("%v", c)
	}
}
