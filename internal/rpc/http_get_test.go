package rpc_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// asGET is the query of a call by GET whose message is empty.
const asGET = "?connect=v1&encoding=json&message=%7B%7D"

func getting(message string) string {
	return "?" + url.Values{"connect": {"v1"}, "encoding": {"json"}, "message": {message}}.Encode()
}

func TestReadsByGET(t *testing.T) {
	jobs := rpctest.NewJobs()
	h := startHTTP(t, setup{jobs: jobs})
	job, err := upload(t, h.rawJobs(t), jobSpec(&credenzav1.JobSpec{DisplayName: "chairs"}), jobItems("a"))
	if err != nil {
		t.Fatal(err)
	}
	const taxonomy = "http://127.0.0.1/credenza.v1.ClassificationService/GetTaxonomy"
	for _, tt := range []struct {
		address string
		status  int
		says    string
	}{
		{taxonomy + asGET, 200, `"v-test"`},
		{atStatus + asGET, 200, `{`},
		{atJobs + "GetJob" + getting(`{"jobId":"`+job.GetJobId()+`"}`), 200, `"chairs"`},
		{atJobs + "GetJob" + "?connect=v1&encoding=json&base64=1&message=e30", 400, `job_id`},
		{atJobs + "GetJob" + getting(`{"jobid":"a"}`), 400, `did you mean job_id?`},
		{atJobs + "ListJobs" + getting(`{"page_size":1}`), 200, `"chairs"`},
		{atJobs + "ListJobs" + getting(`{"page_size":-1}`), 400, `INVALID_REQUEST`},
		{atJobs + "ListJobs" + getting(`{`), 400, `INVALID_REQUEST`},
		{atJobs + "ListJobs" + asGET + "&compression=gzip", 400, `compressed`},
		{atJobs + "ListJobs" + "?connect=v1&encoding=json&base64=1&message=!", 400, `not in base64`},
		{atJobs + "CancelJob" + getting(`{"jobId":"`+job.GetJobId()+`"}`), 405, ``},
		{atJobs + "DeleteJob" + getting(`{"jobId":"`+job.GetJobId()+`"}`), 405, ``},
		{atClassify + getting(`{"item":{}}`), 405, ``},
		{"http://127.0.0.1/credenza.v1.ClassificationService/Nope" + asGET, 404, `no such method`},
	} {
		for _, version := range []int{1, 2} {
			status, body, header := h.get(t, version, tt.address)
			if status != tt.status || !strings.Contains(body, tt.says) {
				t.Errorf("HTTP/%d %s: %d %s", version, tt.address, status, body)
			}
			if got := header.Values("Cache-Control"); len(got) != 1 || got[0] != "no-store" {
				t.Errorf("%s: Cache-Control is %q", tt.address, got)
			}
		}
	}
}

func (h *overHTTP) get(t *testing.T, version int, address string, headers ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	setHeaders(req, headers)
	res, err := h.over(t, version).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

// page is a page of a job's results in JSON.
type page struct {
	Results []struct{ ProductName string }
	Rows    []struct{ Cells []string }
	Columns []string
	Next    string `json:"nextPageToken"`
	State   string
}

func TestListJobResults_ByGET(t *testing.T) {
	jobs := rpctest.NewJobs()
	jobs.Busy = true
	h := startHTTP(t, setup{jobs: jobs})
	res, err := h.rawJobs(t).SubmitJob(t.Context(), &credenzav1.SubmitJobRequest{Rows: rowChunk([]string{"name"}, []string{"a"}, []string{"flawed"}, []string{"c"})})
	if err != nil {
		t.Fatal(err)
	}
	id := res.GetJob().GetJobId()
	for _, version := range []int{1, 2} {
		var names []string
		for token := ""; ; {
			message := fmt.Sprintf(`{"jobId":%q,"pageSize":2,"withRows":true,"pageToken":%q}`, id, token)
			query := url.Values{"connect": {"v1"}, "encoding": {"json"}, "base64": {"1"}, "message": {base64.RawURLEncoding.EncodeToString([]byte(message))}}
			code, body, header := h.get(t, version, atJobs+"ListJobResults?"+query.Encode())
			var p page
			if err := json.Unmarshal([]byte(body), &p); code != 200 || err != nil || header.Get("Cache-Control") != "no-store" || len(p.Rows) != len(p.Results) {
				t.Fatal(code, body, err)
			}
			for i, r := range p.Results {
				names = append(names, r.ProductName+"="+strings.Join(p.Rows[i].Cells, ","))
			}
			if token = p.Next; token == "" {
				equal(t, page{Columns: []string{"name"}, State: "JOB_STATE_SUCCEEDED"}, page{Columns: p.Columns, State: p.State})
				break
			}
		}
		equal(t, []string{"a=a", "flawed=flawed", "c=c"}, names)
		for message, says := range map[string]string{
			`{"jobId":"` + id + `","filter":"RESULT_FILTER_FAILED"}`: `"productName":"flawed"`,
			`{"jobId":"` + id + `","filter":9}`:                      `INVALID_REQUEST`,
			`{"jobId":"` + id + `","pageToken":"garbage"}`:           `page_token`,
			`{"jobId":"` + id + `","with_row":true}`:                 `did you mean with_rows?`,
			`{"jobId":"none"}`:                                       `NOT_FOUND`,
		} {
			if _, body, _ := h.get(t, version, atJobs+"ListJobResults"+getting(message)); !strings.Contains(body, says) || strings.Contains(body, `"productName":"a"`) {
				t.Errorf("HTTP/%d %s: %s", version, message, body)
			}
		}
	}
}

func TestListJobResults_ByGETOfOwnJobsOnly(t *testing.T) {
	h := startHTTP(t, setup{tokens: testTokens(t), jobs: rpctest.NewJobs()})
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer both-token")
	res, err := h.rawJobs(t).SubmitJob(ctx, &credenzav1.SubmitJobRequest{Items: items("a")})
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]int{"shop-token": 404, "both-token": 200, "operator-token": 403, "none": 401} {
		address := atJobs + "ListJobResults" + getting(`{"jobId":"`+res.GetJob().GetJobId()+`"}`)
		if code, body, header := h.get(t, 1, address, "Authorization: Bearer "+token); code != want || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", token, code, body)
		}
	}
}

// A stranger learns nothing of what is wrong with a message.
func TestReadsByGET_OfStrangers(t *testing.T) {
	h := startHTTP(t, setup{tokens: testTokens(t)})
	for _, address := range []string{
		atStatus + asGET, atJobs + "GetJob" + getting(`{"jobId":"a"}`), atJobs + "ListJobs" + getting(`{"nope":1}`),
		atJobs + "ListJobResults" + getting(`{`), atJobs + "ListJobs?connect=v1&encoding=json&base64=1&message=!",
	} {
		if status, body, header := h.get(t, 1, address); status != 401 || !strings.Contains(body, "UNAUTHENTICATED") || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", address, status, body)
		}
	}
	if status, body, _ := h.get(t, 1, atStatus+asGET, "Authorization: Bearer operator-token", "Origin: https://shop.example"); status != 200 {
		t.Errorf("with a token: %d %s", status, body)
	}
}

func TestAnswersOverHTTP_AreNotStored(t *testing.T) {
	h := startHTTP(t, setup{})
	for _, tt := range []struct{ address, media, body string }{
		{atClassify, "application/json", `{"item":{}}`},
		{atClassify, "application/json", `{"item":5}`},
		{atClassify, "text/plain", `{}`},
		{atStream, "application/connect+json", envelope(`{"items":[{}]}`)},
		{atStream, "application/grpc-web+json", envelope(`{}`)},
		{atJobs + "CancelJob", "application/json", `{"job_id":"none"}`},
	} {
		res, err := h.over(t, 1).Post(tt.address, tt.media, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if got := res.Header.Values("Cache-Control"); len(got) != 1 || got[0] != "no-store" {
			t.Errorf("%s as %s: %d, Cache-Control is %q", tt.address, tt.media, res.StatusCode, got)
		}
	}
}
