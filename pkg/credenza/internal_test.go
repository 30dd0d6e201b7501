package credenza

import (
	"context"
	"testing"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// closing is an uplink that counts how often it was closed.
type closing struct{ times int }

func (*closing) Send(*credenzav1.CreateJobRequest) error { return nil }

func (c *closing) CloseSend() error {
	c.times++
	return nil
}

// Whether a server sees the end of a stream or its cancelling first is for the
// transport to decide, so that the end must not be sent at all.
func TestUplink_IsNotClosedAfterCancellation(t *testing.T) {
	whole, spoilt := &closing{}, &closing{}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for range 100 { // select picks at random
		slot := make(chan *chunk)
		close(slot)
		if err := send(cancelled, &Client{}, spoilt, uploadChunk, slot); err != nil {
			t.Fatal(err)
		}
	}
	slot := make(chan *chunk, 1)
	slot <- &chunk{items: []*credenzav1.Item{{}}}
	close(slot)
	if err := send(context.Background(), &Client{maxMessage: 1000}, whole, uploadChunk, slot); err != nil {
		t.Fatal(err)
	}
	if spoilt.times != 0 || whole.times != 1 {
		t.Errorf("a cancelled stream was closed %d times, a whole one %d times", spoilt.times, whole.times)
	}
}
