package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/zap"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/rpc"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// oneMessage is a request of each kind of method that takes one message.
var oneMessage = map[string]proto.Message{
	oneMethod:    &credenzav1.ClassifyRequest{Item: &credenzav1.Item{ProductName: "a"}},
	streamMethod: &credenzav1.ClassifyStreamRequest{Items: items("a")},
	credenzav1.OperationsService_GetStatus_FullMethodName: &credenzav1.GetStatusRequest{},
	credenzav1.JobService_WatchJob_FullMethodName:         &credenzav1.WatchJobRequest{JobId: "a"},
	healthv1.Health_Check_FullMethodName:                  &healthv1.HealthCheckRequest{},
	healthv1.Health_Watch_FullMethodName:                  &healthv1.HealthCheckRequest{},
}

const secondWords = "this method takes one message: send each further one in a call of its own"

// TestSecondMessage_OverGRPC has a caller that sends two messages at once, the second one
// when the first has been received, or both compressed.
func TestSecondMessage_OverGRPC(t *testing.T) {
	for method, message := range oneMessage {
		for name, pause := range map[string]func(){"at once": func() {}, "later": synctest.Wait, "packed": nil} {
			t.Run(method+" "+name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					budget := intake.New(0)
					s := start(t, setup{config: rpc.Config{Intake: budget}})
					var opts []grpc.CallOption
					if pause == nil {
						pause, opts = synctest.Wait, []grpc.CallOption{grpc.UseCompressor(gzip.Name)}
					}
					wantSecond(t, twoMessages(t, s.raw(t), method, message, pause, opts...))
					synctest.Wait()
					if held := budget.Held(); held != 0 {
						t.Errorf("%d bytes are held after it", held)
					}
					if strings.Contains(method, "Health") {
						return // which is not logged
					}
					if n := s.logs.FilterMessage("finished call").FilterField(zap.String("reason", "INVALID_REQUEST")).Len(); n != 1 {
						t.Errorf("the log has %d lines of it", n)
					}
				})
			})
		}
	}
}

// twoMessages sends two messages to any method, and returns the error that ends the call.
func twoMessages(t *testing.T, conn *grpc.ClientConn, method string, message proto.Message, pause func(), opts ...grpc.CallOption) error {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method, opts...)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := stream.SendMsg(message); err != nil {
			t.Fatal(err)
		}
		pause()
	}
	return drain(func() (*emptypb.Empty, error) { m := &emptypb.Empty{}; return m, stream.RecvMsg(m) })
}

func wantSecond(t *testing.T, err error) {
	t.Helper()
	got := status.Convert(err)
	if got.Code() != codes.InvalidArgument || got.Message() != secondWords {
		t.Errorf("it ended with %v", err)
	}
	if len(got.Details()) != 1 {
		t.Fatalf("it has the details %v", got.Details())
	}
	if info, _ := got.Details()[0].(*errdetails.ErrorInfo); info.GetReason() != "INVALID_REQUEST" || info.GetDomain() != rpc.Domain {
		t.Errorf("it has the details %v", got.Details())
	}
}

// anyRequest is a request that anyCodec encodes.
type anyRequest struct{ proto.Message }

// anyCodec encodes requests of all types, and decodes nothing of answers but statuses.
type anyCodec string

func (c anyCodec) Name() string { return string(c) }

func (c anyCodec) Marshal(v any) ([]byte, error) {
	if c == "json" {
		return protojson.Marshal(v.(*anyRequest).Message)
	}
	return proto.Marshal(v.(*anyRequest).Message)
}

func (anyCodec) Unmarshal(data []byte, v any) error {
	if message, ok := v.(proto.Message); ok {
		return proto.Unmarshal(data, message)
	}
	return nil
}

func TestSecondMessage_OverHTTP(t *testing.T) {
	for _, codec := range []anyCodec{"proto", "json"} {
		for name, options := range map[string][]connect.ClientOption{
			"Connect": nil, "gRPC-Web": {connect.WithGRPCWeb()}, "gRPC": {connect.WithGRPC()},
			"Connect, packed": {connect.WithSendGzip()}, "gRPC, packed": {connect.WithGRPC(), connect.WithSendGzip()},
		} {
			for method, message := range oneMessage {
				if strings.HasPrefix(name, "Connect") && method != streamMethod && !strings.Contains(method, "Watch") {
					continue // a unary call of Connect has the message for its body
				}
				t.Run(fmt.Sprint(method, " by ", name, " in ", codec), func(t *testing.T) {
					h := startHTTP(t, setup{})
					options := append([]connect.ClientOption{connect.WithCodec(codec)}, options...)
					client := connect.NewClient[anyRequest, struct{}](h.over(t, 2), "http://127.0.0.1"+method, options...)
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					defer cancel()
					stream := client.CallBidiStream(ctx)
					for range 2 {
						if err := stream.Send(&anyRequest{message}); err != nil && !errors.Is(err, io.EOF) { // it may have ended by then
							t.Fatal(err)
						}
					}
					_ = stream.CloseRequest()
					err := drain(stream.Receive)
					_ = stream.CloseResponse()
					reason, _ := reasonOf(err)
					if connect.CodeOf(err) != connect.CodeInvalidArgument || !strings.HasSuffix(err.Error(), secondWords) || reason != "INVALID_REQUEST" {
						t.Errorf("it ended with %v (%s)", err, reason)
					}
				})
			}
		}
	}
}
