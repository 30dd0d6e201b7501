package rpc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// windowful is the largest message that fits into a stream's window of 1 MiB with its
// head: with more, gRPC resets a stream that its handler does not read yet.
const windowful = 1<<20 - 5

// caller speaks HTTP/2 by itself: it begins calls whose messages lack their last
// byte, which no client does. Messages have at most windowful bytes.
type caller struct {
	conn net.Conn
	sent atomic.Int64
	ends []chan string // by call; how it ended
}

// incomplete begins calls of a method, each with a message of which the last byte
// never comes, in turns of a frame each.
func (r *running) incomplete(t *testing.T, calls int, method string, size int, token string) *caller {
	t.Helper()
	conn, err := r.listener.DialContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{conn: conn}
	for range calls {
		c.ends = append(c.ends, make(chan string, 1))
	}
	var running sync.WaitGroup
	running.Go(func() { c.send(method, size, token) })
	running.Go(c.receive)
	t.Cleanup(func() {
		_ = conn.Close()
		running.Wait()
	})
	return c
}

func (c *caller) send(method string, size int, token string) {
	framer := http2.NewFramer(c.conn, nil)
	_, err := io.WriteString(c.conn, http2.ClientPreface)
	err = errors.Join(err, framer.WriteSettings())
	for i := range c.ends {
		var headers bytes.Buffer
		encoder := hpack.NewEncoder(&headers)
		fields := []string{":method", "POST", ":scheme", "http", ":path", method, ":authority", "x", "content-type", "application/grpc", "te", "trailers"}
		if token != "" {
			fields = append(fields, "authorization", "Bearer "+token)
		}
		for f := 0; f < len(fields); f += 2 {
			err = errors.Join(err, encoder.WriteField(hpack.HeaderField{Name: fields[f], Value: fields[f+1], Sensitive: true}))
		}
		err = errors.Join(err, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: headers.Bytes(), EndHeaders: true}))
	}
	message := make([]byte, 5+size-1)
	binary.BigEndian.PutUint32(message[1:], uint32(size))
	for piece := range slices.Chunk(message, 16<<10) {
		for i := range c.ends {
			if err = errors.Join(err, framer.WriteData(uint32(2*i+1), false, piece)); err != nil {
				return
			}
			c.sent.Add(int64(len(piece)))
		}
	}
}

func (c *caller) receive() {
	framer := http2.NewFramer(io.Discard, c.conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		headers, ok := frame.(*http2.MetaHeadersFrame)
		if !ok || !headers.StreamEnded() {
			continue
		}
		for _, field := range headers.Fields {
			if field.Name == "grpc-status" {
				c.ends[headers.StreamID/2] <- field.Value
			}
		}
	}
}

func TestStrangers_MessagesAreNotRead(t *testing.T) {
	for _, method := range []string{oneMethod, streamMethod, feedMethod, credenzav1.JobService_CreateJob_FullMethodName, "/grpc.health.v1.Health/Check"} {
		t.Run(method, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				budget := intake.New(0)
				s := start(t, setup{config: rpc.Config{Intake: budget}, tokens: testTokens(t)})
				c := s.incomplete(t, 20, method, windowful, "")
				synctest.Wait()
				if held := budget.Held(); held > 256<<10 {
					t.Errorf("%d KiB of a stranger are held", held>>10)
				}
				began := time.Now()
				for _, end := range c.ends {
					<-end
				}
				if took := time.Since(began); took > 3*time.Minute {
					t.Errorf("the last call ended after %v", took)
				}
			})
		})
	}
}

func TestStrangers_AreToldLoggedAndCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, setup{tokens: testTokens(t)})
		if code := <-s.incomplete(t, 1, oneMethod, windowful, "").ends[0]; code != "16" {
			t.Errorf("the call ended with %q, want 16 (UNAUTHENTICATED)", code)
		}
		synctest.Wait()
		if n := s.logs.FilterMessage("finished call").Len(); n != 1 {
			t.Errorf("%d lines were logged, want 1: %v", n, s.logs.All())
		}
		families, err := s.metrics.Gather()
		if text := fmt.Sprint(families); err != nil || !strings.Contains(text, "Unauthenticated") {
			t.Error("the call was not counted", err)
		}
	})
}

// classifyOne makes a usual call on a connection of its own, and returns how long it
// took.
func classifyOne(t *testing.T, s *running, opts ...credenza.Option) time.Duration {
	t.Helper()
	began := time.Now()
	if _, err := s.client(t, opts...).Classify(context.Background(), credenza.Item{ProductName: "sofa"}, credenza.Options{}); err != nil {
		t.Errorf("another caller: %v", err)
	}
	return time.Since(began)
}

func TestBudget_OneConnectionHasHalfOfIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		budget := intake.New(4 << 20)
		s := start(t, setup{config: rpc.Config{Intake: budget}})
		ended := make(chan string, 8)
		for _, end := range s.incomplete(t, 8, oneMethod, windowful, "").ends {
			go func() { ended <- <-end }()
		}
		synctest.Wait()
		if held := budget.Held(); held > 2<<20+64<<10 || held < 1<<20 {
			t.Errorf("one connection holds %d KiB of 4,096", held>>10)
		}
		if took := classifyOne(t, s); took > 0 {
			t.Errorf("another caller waited for %v", took)
		}
		if len(ended) > 0 {
			t.Error("a call was cut off at once")
		}
		began := time.Now()
		if end := <-ended; end != "8" {
			t.Errorf("the first call ended with the code %s, want RESOURCE_EXHAUSTED", end)
		}
		if waited := time.Since(began); waited < 4*time.Second || waited > 6*time.Second {
			t.Errorf("the first call was cut off after %v, want 5 s", waited)
		}
		for range 7 {
			<-ended
		}
		if waited := time.Since(began); waited > time.Minute+10*time.Second {
			t.Errorf("the last call was cut off after %v", waited)
		}
		synctest.Wait()
		if held := budget.Held(); held != 0 {
			t.Errorf("%d bytes are held after all", held)
		}
	})
}

func TestBudget_CallersWithTokensHaveOneShareEach(t *testing.T) {
	bubble(t, func(t *testing.T) {
		budget := intake.New(4 << 20)
		s := start(t, setup{config: rpc.Config{Intake: budget}, tokens: testTokens(t)})
		for range 4 { // connections
			s.incomplete(t, 3, oneMethod, windowful, "shop-token")
		}
		synctest.Wait()
		if held := budget.Held(); held > 2<<20+4*64<<10 {
			t.Errorf("one caller holds %d KiB of 4,096 on four connections", held>>10)
		}
		if took := classifyOne(t, s, credenza.WithToken("both-token")); took > 0 {
			t.Errorf("another caller waited for %v", took)
		}
	})
}

func TestSlowMessages(t *testing.T) {
	for method, size := range map[string]int{
		oneMethod: windowful, streamMethod: windowful, feedMethod: windowful,
		healthv1.Health_Check_FullMethodName:                              intake.SmallBytes / 2, // as a stranger's
		reflectionv1.ServerReflection_ServerReflectionInfo_FullMethodName: windowful,
	} {
		t.Run(method, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				budget := intake.New(0)
				s := start(t, setup{config: rpc.Config{Intake: budget}})
				began := time.Now()
				select {
				case end := <-s.incomplete(t, 1, method, size, "").ends[0]:
					if end != "4" {
						t.Errorf("it ended with the code %s, want DEADLINE_EXCEEDED", end)
					}
				case <-time.After(time.Hour):
					t.Fatal("it did not end within an hour")
				}
				if took := time.Since(began); took < 29*time.Second || took > 31*time.Second {
					t.Errorf("a message that came to a stop ended after %v, want 30 s", took)
				}
				synctest.Wait()
				if held := budget.Held(); held != 0 {
					t.Errorf("%d bytes are held after it", held)
				}
			})
		})
	}
}

func TestSlowMessages_FeedsMayBeSilentBetweenThem(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, setup{})
		silent := func(yield func(credenza.Item) bool) {
			for range 3 {
				if !yield(credenza.Item{ProductName: "sofa"}) {
					return
				}
				time.Sleep(time.Hour)
			}
		}
		if err := <-begin(s.client(t).Feed(t.Context(), silent, credenza.Options{})); err != nil {
			t.Error(err)
		}
	})
}

func TestLists_ShrinkAsTheyAreTaken(t *testing.T) {
	description := strings.Repeat("x", 1000)
	list := make([]credenza.Item, 2000)
	for i := range list {
		list[i] = credenza.Item{ID: fmt.Sprint(i), Description: description}
	}
	for _, name := range []string{"a list", "a feed"} {
		t.Run(name, func(t *testing.T) {
			budget := intake.New(0)
			var held []int64
			var ids []string
			s := start(t, setup{config: rpc.Config{Intake: budget}, engine: fakeEngine{
				run: func(ctx context.Context, _ classify.Call, next classify.Source, _ classify.Sink) (catalog.Summary, error) {
					for {
						item, err := next(ctx)
						if err != nil {
							return catalog.Summary{}, nil //nolint:nilerr // the end of the items
						}
						ids = append(ids, item.ID)
						held = append(held, budget.Held())
					}
				},
			}})
			var err error
			if name == "a list" {
				err = <-begin(s.client(t).ClassifyStream(t.Context(), list, credenza.Options{}))
			} else {
				err = <-begin(s.client(t).Feed(t.Context(), slices.Values(list), credenza.Options{}))
			}
			if err != nil || len(ids) != len(list) || ids[0] != "0" || ids[1999] != "1999" {
				t.Fatalf("%d items, %v", len(ids), err)
			}
			if name == "a list" && (held[0] < 2_000_000 || held[500] > held[0] || held[1100] > held[0]*6/10 || held[1990] > 128<<10) {
				t.Errorf("held at the start %d, after 500 %d, after 1,100 %d, at the end %d", held[0], held[500], held[1100], held[1990])
			}
			if most := slices.Max(held); most > 3<<20 {
				t.Errorf("%d bytes were held at most", most)
			}
		})
	}
}

func TestUnreadStreamsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		engine := &endless{stopped: make(chan error, 1)}
		s := start(t, setup{config: rpc.Config{WriteTimeout: time.Minute}, engine: fakeEngine{run: engine.run}})
		client := s.client(t)
		next, stop := iter.Pull2(client.ClassifyStream(t.Context(), []credenza.Item{{}}, credenza.Options{}).Batches())
		defer stop()
		if _, err, _ := next(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 20 { // the connection is alive all the while
			time.Sleep(4 * time.Second)
			if _, err := client.Classify(t.Context(), credenza.Item{}, credenza.Options{}); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case <-engine.stopped:
		default:
			t.Errorf("the stream goes on after %v without a reader", time.Since(began))
		}
	})
}

// A caller is not slow if it is the server that does not read.
func TestSlowMessages_FeedsMayBeHeldUpInTheirMiddle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const total = 3000
		s := start(t, setup{engine: fakeEngine{
			run: func(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
				pauses := 0
				return echo(ctx, call, func(ctx context.Context) (*catalog.Item, error) {
					if pauses++; pauses == 2 || pauses == 1000 {
						time.Sleep(2 * time.Minute)
					}
					return next(ctx)
				}, send)
			},
		}})
		list := func(yield func(credenza.Item) bool) {
			for range total {
				if !yield(credenza.Item{Description: strings.Repeat("x", 1000)}) {
					return
				}
			}
		}
		results := 0
		for _, err := range s.client(t).Feed(t.Context(), list, credenza.Options{}).Results() {
			if err != nil {
				t.Fatalf("after %d results: %v", results, err)
			}
			results++
		}
		if results != total {
			t.Errorf("%d results, want %d", results, total)
		}
	})
}

func TestStrangers_ManyConnectionsLeaveRoomForOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		budget := intake.New(4 << 20)
		s := start(t, setup{tokens: testTokens(t), config: rpc.Config{Intake: budget}})
		for range 80 {
			s.incomplete(t, 1, "/grpc.health.v1.Health/Check", 64<<10, "")
		}
		synctest.Wait()
		client := s.client(t, credenza.WithToken("both-token"))
		began := time.Now()
		_, err := client.Classify(t.Context(), credenza.Item{Description: strings.Repeat("x", 1<<20)}, credenza.Options{})
		if took := time.Since(began); err != nil || took > 0 {
			t.Errorf("an authorised caller: %v after %v", err, took)
		}
		if got := serving(t, s.raw(t), ""); got != "SERVING" || time.Since(began) > 0 {
			t.Errorf("health is %s after %v", got, time.Since(began))
		}
	})
}
