package rpc_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// lastCaller is an engine that remembers the last caller.
func lastCaller(caller *catalog.Caller) fakeEngine {
	return fakeEngine{classify: func(_ context.Context, call classify.Call, item *catalog.Item) (catalog.Outcome, error) {
		*caller = call.Caller
		return sofa(0, item), nil
	}}
}

// Without tokens each call has a turn of its own, and the calls of a connection have
// one queue.
func TestCallsOfAConnectionShareAQueue(t *testing.T) {
	var caller catalog.Caller
	h := startHTTP(t, setup{engine: lastCaller(&caller)})
	overGRPC := func() func() {
		client := h.rawItems(t)
		return func() {
			if _, err := client.Classify(t.Context(), &credenzav1.ClassifyRequest{Item: &credenzav1.Item{}}); err != nil {
				t.Error(err)
			}
		}
	}
	overHTTP := func(options ...connect.ClientOption) func() {
		client := connect.NewClient[credenzav1.ClassifyRequest, credenzav1.ClassifyResponse](h.over(t, 2), atClassify, options...)
		return func() {
			if _, err := client.CallUnary(t.Context(), connect.NewRequest(&credenzav1.ClassifyRequest{Item: &credenzav1.Item{}})); err != nil {
				t.Error(err)
			}
		}
	}
	strangersPage := connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			req.Header().Set("Origin", "https://shop.example")
			return next(ctx, req)
		}
	}))
	queues, turns := map[string]bool{}, map[string]bool{}
	connections := []func(){overGRPC(), overGRPC(), overHTTP(), overHTTP(connect.WithGRPC()), overHTTP(strangersPage)}
	for _, call := range connections {
		call()
		first := caller
		call()
		if caller.Queue() != first.Queue() || caller.Connection == "" {
			t.Errorf("calls of one connection have the queues of %+v and %+v", first, caller)
		}
		queues[caller.Queue()] = true
		turns[caller.ID], turns[first.ID] = true, true
	}
	if len(queues) != len(connections) || len(turns) != 2*len(connections) {
		t.Errorf("%d connections have the queues %v and the turns %v", len(connections), queues, turns)
	}
}

func TestCallsWithATokenShareAQueueOnAllConnections(t *testing.T) {
	var caller catalog.Caller
	h := startHTTP(t, setup{engine: lastCaller(&caller), tokens: testTokens(t)})
	for range 2 {
		if status, body := h.post(t, atClassify, `{"item":{}}`, "Authorization: Bearer shop-token"); status != http.StatusOK || caller.Queue() != "shop" {
			t.Errorf("%d %s, %+v", status, strings.TrimSpace(body), caller)
		}
	}
}
