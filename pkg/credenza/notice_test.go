package credenza_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func awayNotice() *credenzav1.Notice {
	return &credenzav1.Notice{
		Kind: credenzav1.NoticeKind_NOTICE_KIND_UPSTREAM_AWAY, Message: "the model is away",
		Outage: &credenzav1.Outage{
			Host: "llm.test", Cause: "no such host",
			StartTime: timestamppb.New(time.Unix(1, 0)), LastAttemptTime: timestamppb.New(time.Unix(2, 0)),
		},
	}
}

// noticeServer sends a notice before the results of each call.
func noticeServer() *fakeServer {
	return &fakeServer{
		stream: func(_ *credenzav1.ClassifyStreamRequest, stream credenzav1.ClassificationService_ClassifyStreamServer) error {
			_ = stream.Send(&credenzav1.ClassifyStreamResponse{Event: &credenzav1.ClassifyStreamResponse_Notice{Notice: awayNotice()}})
			_ = stream.Send(streamBatch(batchOf(0, "a")))
			return stream.Send(streamSummary(1))
		},
		feed: func(stream credenzav1.ClassificationService_ClassifyFeedServer) error {
			_ = stream.Send(&credenzav1.ClassifyFeedResponse{Event: &credenzav1.ClassifyFeedResponse_Notice{Notice: awayNotice()}})
			_ = stream.Send(feedBatch(batchOf(0, "a")))
			return stream.Send(feedSummary(1))
		},
		jobs: fakeJobs{watch: func(_ *credenzav1.WatchJobRequest, stream credenzav1.JobService_WatchJobServer) error {
			_ = stream.Send(&credenzav1.WatchJobResponse{Event: &credenzav1.WatchJobResponse_Notice{Notice: awayNotice()}, ResumeToken: "t"})
			_ = stream.Send(&credenzav1.WatchJobResponse{Event: &credenzav1.WatchJobResponse_Batch{Batch: batchOf(0, "a")}, ResumeToken: "t"})
			return stream.Send(&credenzav1.WatchJobResponse{Event: &credenzav1.WatchJobResponse_Summary{Summary: &credenzav1.Summary{Total: 1}}})
		}},
	}
}

func TestNotices(t *testing.T) {
	c := dial(t, noticeServer())
	want := credenza.Notice{
		Kind: credenza.NoticeUpstreamAway, Message: "the model is away",
		Outage: credenza.Outage{Host: "llm.test", Cause: "no such host", Since: time.Unix(1, 0).UTC(), LastAttempt: time.Unix(2, 0).UTC()},
	}
	type results interface {
		OnNotice(func(credenza.Notice))
		Summary() credenza.Summary
	}
	for name, begin := range map[string]func() (results, func() ([]string, error)){
		"stream": func() (results, func() ([]string, error)) {
			s := c.ClassifyStream(t.Context(), []credenza.Item{{ProductName: "a"}}, credenza.Options{})
			return s, func() ([]string, error) { return collect(s) }
		},
		"feed": func() (results, func() ([]string, error)) {
			s := c.Feed(t.Context(), slices.Values([]credenza.Item(nil)), credenza.Options{})
			return s, func() ([]string, error) { return collect(s) }
		},
		"watch": func() (results, func() ([]string, error)) {
			w := c.WatchJob(t.Context(), "job-1", "")
			return w, func() (names []string, err error) {
				for r, err := range w.Results() {
					if err != nil {
						return names, err
					}
					names = append(names, r.ProductName)
				}
				return names, nil
			}
		},
	} {
		for _, heeded := range []bool{false, true} {
			stream, read := begin()
			var got []credenza.Notice
			if heeded {
				stream.OnNotice(func(n credenza.Notice) { got = append(got, n) })
			}
			names, err := read()
			if err != nil || !slices.Equal(names, []string{"a"}) || stream.Summary().Total != 1 {
				t.Errorf("%s: %v, %v, %+v", name, names, err, stream.Summary())
			}
			if heeded && !slices.Equal(got, []credenza.Notice{want}) {
				t.Errorf("%s: notices %+v, want %+v", name, got, want)
			}
		}
	}
}
