package rpc_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcgzip "google.golang.org/grpc/encoding/gzip"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/rpc"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func TestGzipOverGRPC_TakesRoomForWhatItUnpacksTo(t *testing.T) {
	for name, tc := range map[string]struct {
		budget int64
		size   int
		full   bool
	}{
		"too large for the budget": {1 << 20, 2 << 20, true},
		"within the budget":        {8 << 20, 2 << 20, false},
		"a small one":              {1 << 20, 32 << 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				budget := intake.New(tc.budget)
				s := start(t, setup{config: rpc.Config{Intake: budget}})
				conn := s.raw(t, grpc.WithDefaultCallOptions(grpc.UseCompressor(grpcgzip.Name)))
				c := credenzav1.NewClassificationServiceClient(conn)
				text := strings.Repeat("x", tc.size)
				_, one := c.Classify(t.Context(), &credenzav1.ClassifyRequest{Item: &credenzav1.Item{Description: text}})
				many := streamError(t.Context(), c, &credenzav1.ClassifyStreamRequest{Items: []*credenzav1.Item{{Description: text}}})
				for method, err := range map[string]error{"Classify": one, "ClassifyStream": many} {
					said := status.Convert(err)
					if !tc.full {
						if err != nil {
							t.Errorf("%s: %v", method, err)
						}
						continue
					}
					if said.Code() != codes.ResourceExhausted || detail[*errdetails.ErrorInfo](said).GetReason() != "SERVER_FULL" ||
						detail[*errdetails.RetryInfo](said).GetRetryDelay().AsDuration() == 0 {
						t.Errorf("%s: %v %v", method, err, said.Details())
					}
				}
				synctest.Wait()
				if held := budget.Held(); held != 0 {
					t.Errorf("%d bytes are held after all", held)
				}
			})
		})
	}
}

func TestGzipOverGRPC_CountsTowardsTheShareOfItsCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		inEngine, goOn := make(chan struct{}, 3), make(chan struct{})
		s := start(t, setup{
			config: rpc.Config{Intake: intake.New(12 << 20)}, tokens: testTokens(t),
			engine: fakeEngine{classify: func(_ context.Context, _ classify.Call, item *catalog.Item) (catalog.Outcome, error) {
				inEngine <- struct{}{}
				<-goOn
				return sofa(0, item), nil
			}},
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		send := func(token string) <-chan error {
			done := make(chan error, 1)
			go func() {
				_, err := s.rawItems(t).Classify(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token),
					&credenzav1.ClassifyRequest{Item: &credenzav1.Item{Description: strings.Repeat("x", 7<<19)}}, grpc.UseCompressor(grpcgzip.Name))
				done <- err
			}()
			time.Sleep(10 * time.Second) // longer than a call waits for room
			return done
		}
		first, second, another := send("shop-token"), send("shop-token"), send("both-token")
		if len(inEngine) != 2 {
			t.Errorf("%d calls are handled, want the first one and another caller's", len(inEngine))
		}
		close(goOn)
		if err := <-second; status.Code(err) != codes.ResourceExhausted {
			t.Errorf("a caller that holds 3.5 of 12 MiB sends 3.5 more: %v", err)
		}
		for name, done := range map[string]<-chan error{"the first call": first, "another caller's call": another} {
			if err := <-done; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// The engine sees how much is held while it works.
func TestGzipOverGRPC_StaysChargedAsLongAsTheCall(t *testing.T) {
	budget := intake.New(0)
	var held int64
	s := start(t, setup{config: rpc.Config{Intake: budget}, engine: fakeEngine{classify: heldBy(budget, &held)}})
	item := &credenzav1.Item{Description: strings.Repeat("x", 2<<20)}
	if _, err := s.rawItems(t).Classify(t.Context(), &credenzav1.ClassifyRequest{Item: item}, grpc.UseCompressor(grpcgzip.Name)); err != nil || held < 2<<20 {
		t.Errorf("%d bytes are charged while a message of 2 MiB is handled, %v", held, err)
	}
}

func TestGzipOverGRPC_KeepsMessagesWithoutATokenSmall(t *testing.T) {
	s := start(t, setup{tokens: testTokens(t)})
	health := healthv1.NewHealthClient(s.raw(t, grpc.WithDefaultCallOptions(grpc.UseCompressor(grpcgzip.Name))))
	if _, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Errorf("a small one: %v", err)
	}
	_, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: strings.Repeat("x", 100<<10)})
	if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "too large") {
		t.Errorf("one of 100 KiB: %v", err)
	}
}

func heldBy(budget *intake.Budget, held *int64) func(context.Context, classify.Call, *catalog.Item) (catalog.Outcome, error) {
	return func(_ context.Context, _ classify.Call, item *catalog.Item) (catalog.Outcome, error) {
		*held = budget.Held()
		return sofa(0, item), nil
	}
}
