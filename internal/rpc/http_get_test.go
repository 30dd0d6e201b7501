package rpc_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

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
