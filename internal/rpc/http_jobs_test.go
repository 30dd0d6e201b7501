package rpc_test

import (
	"errors"
	"fmt"
	"testing"

	"connectrpc.com/connect"

	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

const atJobs = "http://127.0.0.1/credenza.v1.JobService/"

func TestJobsOverHTTP(t *testing.T) {
	for _, version := range []int{1, 2} {
		for name, options := range map[string][]connect.ClientOption{
			"Connect with JSON": {connect.WithProtoJSON()}, "gRPC-Web": {connect.WithGRPCWeb()},
		} {
			t.Run(fmt.Sprintf("%s, HTTP/%d", name, version), func(t *testing.T) {
				jobs := rpctest.NewJobs()
				jobs.Busy = true
				h := startHTTP(t, setup{jobs: jobs})
				client := h.over(t, version)
				upload := connect.NewClient[credenzav1.CreateJobRequest, credenzav1.CreateJobResponse](client, atJobs+"CreateJob", options...).
					CallClientStream(t.Context())
				for _, part := range []*credenzav1.CreateJobRequest{jobSpec(&credenzav1.JobSpec{DisplayName: "chairs"}), jobItems("a", "b"), jobItems("c")} {
					if err := upload.Send(part); err != nil {
						t.Fatal(err)
					}
				}
				made, err := upload.CloseAndReceive()
				if err != nil || made.Msg.GetJob().GetProgress().GetTotal() != 3 {
					t.Fatal(made, err)
				}
				watch, err := connect.NewClient[credenzav1.WatchJobRequest, credenzav1.WatchJobResponse](client, atJobs+"WatchJob", options...).
					CallServerStream(t.Context(), connect.NewRequest(&credenzav1.WatchJobRequest{JobId: made.Msg.GetJob().GetJobId()}))
				if err != nil {
					t.Fatal(err)
				}
				results, ended := 0, false
				for watch.Receive() {
					results += len(watch.Msg().GetBatch().GetResults())
					ended = watch.Msg().GetSummary() != nil
				}
				if err := errors.Join(watch.Err(), watch.Close()); err != nil || results != 3 || !ended {
					t.Errorf("%d results, the end: %v, %v", results, ended, err)
				}
			})
		}
	}
}

func TestJobsAreNoBusinessOfStrangersPages(t *testing.T) {
	for _, tt := range []struct {
		headers []string
		tokens  bool
		want    int
	}{
		{nil, false, 200},
		{[]string{"Origin: http://127.0.0.1"}, false, 200},
		{[]string{"Origin: https://shop.example"}, false, 403},
		{[]string{"Host: shop.example", "Origin: http://shop.example"}, false, 403},
		{[]string{"Origin: https://shop.example", "Authorization: Bearer shop-token"}, true, 200},
		{[]string{"Origin: https://shop.example"}, true, 401},
	} {
		s := setup{}
		if tt.tokens {
			s.tokens = testTokens(t)
		}
		if status, body := startHTTP(t, s).post(t, atJobs+"ListJobs", `{}`, tt.headers...); status != tt.want {
			t.Errorf("%v: %d %s", tt.headers, status, body)
		}
	}
}
