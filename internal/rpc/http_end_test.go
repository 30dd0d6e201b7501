package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func TestShutdownLetsCallsOverHTTPEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := startHTTP(t, setup{engine: fakeEngine{run: func(_ context.Context, _ classify.Call, _ classify.Source, send classify.Sink) (catalog.Summary, error) {
			for i := range 5 {
				time.Sleep(time.Second)
				if err := send(catalog.Batch{ID: int64(i + 1)}); err != nil {
					return catalog.Summary{}, err
				}
			}
			return catalog.Summary{Total: 5}, nil
		}}})
		stream, err := h.stream(t, 1, connect.WithProtoJSON()).CallServerStream(t.Context(), connect.NewRequest(&credenzav1.ClassifyStreamRequest{Items: items("a")}))
		if err != nil {
			t.Fatal(err)
		}
		down := make(chan error, 1)
		go func() { down <- h.Shutdown(context.Background()) }()
		synctest.Wait()
		if status, body := h.post(t, atClassify, `{}`); status != 503 || !strings.Contains(body, "SHUTTING_DOWN") {
			t.Errorf("a new call: %d %s", status, body)
		}
		n := 0
		for stream.Receive() {
			n++
		}
		if err := errors.Join(stream.Err(), stream.Close()); err != nil || n != 6 {
			t.Errorf("%d of 6 messages, %v", n, err)
		}
		if err := <-down; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if status, body := h.post(t, atClassify, `{}`); status != 503 || !json.Valid([]byte(body)) {
			t.Errorf("after it: %d %s", status, body)
		}
	})
}

func TestShutdownCutsOffSlowReadersOverHTTP(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprint("HTTP/", version), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				engine := &endless{stopped: make(chan error, 1)}
				h := startHTTP(t, setup{engine: fakeEngine{run: engine.run}})
				stream, err := h.stream(t, version).CallServerStream(t.Context(), connect.NewRequest(&credenzav1.ClassifyStreamRequest{Items: items("a")}))
				if err != nil || !stream.Receive() {
					t.Fatal(err)
				}
				synctest.Wait()
				if n := engine.count(); n > 8000 { // the client's transport takes 4 MiB ahead
					t.Errorf("%d batches of 1 KiB were sent to a reader that took one", n)
				}
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				began := time.Now()
				if err := h.Shutdown(ctx); err == nil {
					t.Error("Shutdown did not say that a call was cut off")
				}
				if took := time.Since(began); took > 6*time.Second {
					t.Errorf("Shutdown took %v", took)
				}
				<-engine.stopped
				_ = stream.Close()
			})
		})
	}
}

func TestCallerThatLeavesOverHTTP_EndsTheCall(t *testing.T) {
	for _, version := range []int{1, 2} {
		bubble(t, func(t *testing.T) {
			ended := make(chan time.Time, 1)
			h := startHTTP(t, setup{engine: fakeEngine{run: func(ctx context.Context, _ classify.Call, _ classify.Source, _ classify.Sink) (catalog.Summary, error) {
				<-ctx.Done()
				ended <- time.Now()
				return catalog.Summary{}, ctx.Err()
			}}})
			ctx, cancel := context.WithCancel(t.Context())
			client := h.stream(t, version)
			left := make(chan error, 1)
			go func() {
				stream, err := client.CallServerStream(ctx, connect.NewRequest(&credenzav1.ClassifyStreamRequest{Items: items("a")}))
				if err == nil {
					stream.Receive()
					err = errors.Join(stream.Err(), stream.Close())
				}
				left <- err
			}()
			synctest.Wait()
			began := time.Now()
			cancel()
			if d := (<-ended).Sub(began); d != 0 {
				t.Errorf("HTTP/%d: the engine learned of it after %v", version, d)
			}
			<-left
			synctest.Wait()
			lines := h.logs.FilterMessage("finished call").FilterField(zap.String("grpc.code", "Canceled"))
			if lines.Len() != 1 {
				t.Errorf("HTTP/%d: %d lines say that the caller left", version, lines.Len())
			}
		})
	}
}

func TestRequestThatBreaksOff_IsNoFaultOfTheServer(t *testing.T) {
	for name, body := range map[string]string{
		"of a known length": "Content-Length: 1000\r\n\r\n" + `{"item": {"productName": "ch`,
		"in chunks":         "Transfer-Encoding: chunked\r\n\r\n1c\r\n" + `{"item": {"productName": "ch`,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := startHTTP(t, setup{})
				conn, err := h.pipe.DialContext(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.WriteString(conn, "POST /credenza.v1.ClassificationService/Classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+body)
				if err := errors.Join(err, conn.Close()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				lines := h.logs.FilterMessage("finished call").All()
				if len(lines) != 1 || lines[0].ContextMap()["grpc.code"] != "Canceled" || lines[0].Level > zap.InfoLevel {
					t.Errorf("the log has %v", lines)
				}
			})
		})
	}
}
