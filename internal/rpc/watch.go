package rpc

import (
	"context"
	"strconv"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// watchPosition is how far a reader of a job has come: a number of results after a resume
// token of the jobs. These have none within a batch, which may be sent in parts.
type watchPosition struct {
	token string
	after int
}

// parseWatchPosition reads a position as String returns it. A token that is none is for
// the jobs to refuse. Their tokens have no dot.
func parseWatchPosition(text string) watchPosition {
	token, number, ok := strings.Cut(text, ".")
	after, err := strconv.ParseUint(number, 10, 31)
	if !ok || err != nil {
		return watchPosition{token: text}
	}
	return watchPosition{token, int(after)}
}

// String returns the position as a resume token.
func (p watchPosition) String() string {
	if p.after == 0 {
		return p.token
	}
	return p.token + "." + strconv.Itoa(p.after)
}

// events converts the next event after the token and moves the position. Results before
// the position are left out.
func (p *watchPosition) events(ctx context.Context, e *catalog.JobEvent) (events []*credenzav1.WatchJobResponse) {
	if e.Batch == nil {
		p.token = e.Token
		return []*credenzav1.WatchJobResponse{jobEventToProto(ctx, e, p.String())}
	}
	b := *e.Batch
	seen := min(p.after, len(b.Outcomes))
	b.Outcomes = b.Outcomes[seen:]
	at := watchPosition{p.token, seen}
	p.token, p.after = e.Token, p.after-seen
	if len(b.Outcomes) == 0 {
		return nil
	}
	for _, part := range batches(ctx, batchToProto(&b)) {
		at.after += len(part.GetResults())
		events = append(events, &credenzav1.WatchJobResponse{
			ResumeToken: at.String(), Event: &credenzav1.WatchJobResponse_Batch{Batch: part},
		})
	}
	events[len(events)-1].ResumeToken = p.String()
	return events
}
