package rpc_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding/gzip"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/rpc"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// TestCallsThatEndInAnyWay_LeaveNothingHeld has callers that cancel, half close, send
// messages in part or close their connections, until a shutdown ends all of them.
func TestCallsThatEndInAnyWay_LeaveNothingHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		budget := intake.New(4 << 20)
		s := start(t, setup{config: rpc.Config{Intake: budget, WriteTimeout: 10 * time.Second}, engine: fakeEngine{
			classify: func(ctx context.Context, _ classify.Call, item *catalog.Item) (catalog.Outcome, error) {
				select {
				case <-time.After(time.Duration(len(item.ID)) * time.Millisecond):
					return sofa(0, item), nil
				case <-ctx.Done():
					return catalog.Outcome{}, context.Cause(ctx)
				}
			},
		}})
		var callers sync.WaitGroup
		stop := make(chan struct{})
		for i := range 8 {
			client, draw := s.rawItems(t), rand.New(rand.NewPCG(1, uint64(i)))
			callers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						oddCall(client, draw)
					}
				}
			})
		}
		for i := range 8 {
			method := []string{oneMethod, streamMethod, feedMethod}[i%3]
			c := s.incomplete(t, 3, method, windowful, "")
			time.AfterFunc(time.Duration(i*i)*20*time.Millisecond, func() { _ = c.conn.Close() })
		}
		time.Sleep(time.Second)
		for _, method := range []string{oneMethod, streamMethod, feedMethod} {
			s.incomplete(t, 3, method, windowful, "")
		}
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Log(err)
		}
		close(stop)
		callers.Wait()
		if held := budget.Held(); held != 0 {
			t.Errorf("%d bytes are held after all calls", held)
		}
	})
}

// oddCall makes a call that ends in one of many ways.
func oddCall(client credenzav1.ClassificationServiceClient, draw *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+draw.IntN(300))*time.Millisecond)
	defer cancel()
	var opts []grpc.CallOption
	if draw.IntN(2) == 0 {
		opts = append(opts, grpc.UseCompressor(gzip.Name))
	}
	item := &credenzav1.Item{
		Id: strings.Repeat("i", 1+draw.IntN(200)), ProductName: "sofa", Description: strings.Repeat("x", draw.IntN(2)*draw.IntN(200<<10)),
	}
	switch draw.IntN(3) {
	case 0:
		_, _ = client.Classify(ctx, &credenzav1.ClassifyRequest{Item: item}, opts...)
	case 1:
		stream, err := client.ClassifyStream(ctx, &credenzav1.ClassifyStreamRequest{Items: []*credenzav1.Item{item, item}}, opts...)
		if err == nil && draw.IntN(2) == 0 {
			_ = drain(stream.Recv)
		}
	default:
		oddFeed(ctx, client, draw, item, opts)
	}
	time.Sleep(time.Duration(20+draw.IntN(200)) * time.Millisecond)
}

func oddFeed(ctx context.Context, client credenzav1.ClassificationServiceClient, draw *rand.Rand, item *credenzav1.Item, opts []grpc.CallOption) {
	feed, err := client.ClassifyFeed(ctx, opts...)
	if err != nil {
		return
	}
	if draw.IntN(4) > 0 {
		_ = feed.Send(&credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Spec{Spec: &credenzav1.FeedSpec{}}})
	}
	for range draw.IntN(4) {
		_ = feed.Send(&credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Items{Items: &credenzav1.ItemChunk{Items: []*credenzav1.Item{item}}}})
	}
	if draw.IntN(2) == 0 {
		_ = feed.CloseSend()
	}
	if draw.IntN(2) == 0 {
		_, _ = feed.Recv()
	}
}
