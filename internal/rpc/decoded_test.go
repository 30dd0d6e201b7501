package rpc_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/rpc"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// What is decoded at once is bounded in JSON as on the wire, before it is decoded.
func TestJSON_HasNoMoreEntriesThanAreDecodedAtOnce(t *testing.T) {
	const atCorrections = "http://127.0.0.1/credenza.v1.ReviewService/PutCorrections"
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%d":""`, i)
		}
		return `{"item":{"attributes":{` + strings.TrimPrefix(b.String(), ",") + `}}}`
	}
	for _, tc := range []struct{ name, url, body, says string }{
		{"corrections", atCorrections, `{"job_id":"x","list":{"corrections":[{}` + strings.Repeat(",{}", 1<<18) + `]}}`, "list: its lists and maps have more than 3000 entries together"},
		{"attributes", atClassify, attributes(1 << 18), "item: styles, tags and attributes are more than 20000 together"},
		{"tags", atClassify, `{"item":{"tags":[""` + strings.Repeat(`,""`, 1<<18) + `]}}`, "item: styles, tags and attributes are more than 20000 together"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := startHTTP(t, setup{reviews: &fakeReviews{}})
			before := allocated()
			code, body := h.post(t, tc.url, tc.body)
			if n := allocated() - before; n > 24<<20 {
				t.Errorf("%d MiB were allocated for a message of %d KiB", n>>20, len(tc.body)>>10)
			}
			if code != http.StatusBadRequest || !strings.Contains(body, tc.says) {
				t.Errorf("got %d %.300s, want %q", code, body, tc.says)
			}
		})
	}
	h := startHTTP(t, setup{reviews: &fakeReviews{}})
	if code, body := h.post(t, atClassify, attributes(20_000)); code != http.StatusOK {
		t.Errorf("as many attributes as may be: got %d %.300s", code, body)
	}
}

// What the contract takes at most is taken in JSON too.
func TestJSON_TakesWhatTheContractDoes(t *testing.T) {
	h := startHTTP(t, setup{reviews: &fakeReviews{}})
	for method, message := range map[string]proto.Message{
		credenzav1.ReviewService_PutCorrections_FullMethodName:  fullCorrections(),
		credenzav1.ReviewService_ListReviewItems_FullMethodName: fullFilter(),
		credenzav1.JobService_SubmitJob_FullMethodName:          &credenzav1.SubmitJobRequest{Rows: wideRows()},
	} {
		asJSON, err := protojson.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		if code, body := h.post(t, "http://127.0.0.1"+method, string(asJSON)); code != http.StatusOK {
			t.Errorf("%s: %d %.300s", method, code, body)
		}
	}
}

// A caller is charged with what a message takes in memory while its call goes on, which
// is many times what short entries take on the wire.
func TestDecodedMessages_AreChargedWithTheirEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget, release := intake.New(0), make(chan struct{})
		s := start(t, setup{config: rpc.Config{Intake: budget}, engine: fakeEngine{classify: func(_ context.Context, _ classify.Call, item *catalog.Item) (catalog.Outcome, error) {
			<-release
			return sofa(0, item), nil
		}}})
		item := &credenzav1.Item{Tags: make([]string, 10_000), Attributes: map[string]string{}}
		for i := range 10_000 {
			item.Attributes[fmt.Sprint(i)] = ""
		}
		classified := make(chan error, 1)
		go func() {
			_, err := s.rawItems(t).Classify(t.Context(), &credenzav1.ClassifyRequest{Item: item})
			classified <- err
		}()
		synctest.Wait()
		if held := budget.Held(); held < 20_000*100 || held > 20_000*200 {
			t.Errorf("%d bytes are charged for 20,000 entries", held)
		}
		close(release)
		if err := <-classified; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if held := budget.Held(); held != 0 {
			t.Errorf("%d bytes are charged after the call", held)
		}
	})
}
