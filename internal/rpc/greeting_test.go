package rpc_test

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// silent returns a connection that began with some bytes, and what the server sends on it.
func (r *running) silent(t *testing.T, begun string) (conn net.Conn, received chan []byte) {
	t.Helper()
	conn, err := r.listener.DialContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, begun); err != nil {
		t.Fatal(err)
	}
	received = make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(conn)
		received <- all
	}()
	return conn, received
}

// Heads of frames: a ping, the settings that a client may begin with, and more of them than
// there can be.
const (
	ping         = "\x00\x00\x08\x06\x00\x00\x00\x00\x00"
	someSettings = "\x00\x00\x06\x04\x00\x00\x00\x00\x00"
	longSettings = "\x00\x04\x01\x04\x00\x00\x00\x00\x00"
)

// A connection costs a transport only once it began HTTP/2, of which the server's settings
// are the first sign.
func TestConnectionsThatDoNotBegin_AreGivenNothing(t *testing.T) {
	for begun, refused := range map[string]bool{
		"": false, http2.ClientPreface[:10]: false, http2.ClientPreface: false,
		"POST /classify": true, http2.ClientPreface + ping: true, http2.ClientPreface + longSettings: true,
	} {
		bubble(t, func(t *testing.T) {
			s := start(t, setup{})
			conn, received := s.silent(t, begun)
			synctest.Wait()
			if !refused { // which comes at once
				_ = conn.(interface{ SetReadDeadline(time.Time) error }).SetReadDeadline(time.Now())
			}
			if got := <-received; len(got) > 0 {
				t.Errorf("after %q the server sent %q", begun, got)
			}
		})
	}
}

func TestPrefaceInPieces_BeginsAConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, setup{})
		conn, err := s.listener.DialContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for _, b := range []byte(http2.ClientPreface) {
			if _, err := conn.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		framer := http2.NewFramer(conn, conn)
		if err := framer.WriteSettings(); err != nil {
			t.Fatal(err)
		}
		if frame, err := framer.ReadFrame(); err != nil || frame.Header().Type != http2.FrameSettings {
			t.Errorf("the server begins with %v, %v", frame, err)
		}
	})
}

// gRPC waits for a connection's first bytes before it stops, which took up to two minutes.
func TestShutdownDoesNotWaitForConnectionsThatDoNotBegin(t *testing.T) {
	for _, begun := range []string{"", http2.ClientPreface[:10], http2.ClientPreface, http2.ClientPreface + someSettings} {
		bubble(t, func(t *testing.T) {
			s := start(t, setup{})
			_, received := s.silent(t, begun)
			synctest.Wait()
			began := time.Now()
			if err := s.Shutdown(context.Background()); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("Shutdown took %v", took)
			}
			<-received
		})
	}
}
