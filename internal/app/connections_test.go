package app_test

import (
	"bytes"
	"io"
	"net"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
)

// resets begins calls on a connection and gives each up at once, until it is closed. It
// returns how many.
func resets(conn net.Conn, most int) (sent int) {
	framer := http2.NewFramer(conn, nil)
	_, err := io.WriteString(conn, http2.ClientPreface)
	if err == nil {
		err = framer.WriteSettings()
	}
	for ; err == nil && sent < most; sent++ {
		stream := uint32(2*sent + 1)
		var block bytes.Buffer
		headers := hpack.NewEncoder(&block)
		for _, field := range []hpack.HeaderField{
			{Name: ":method", Value: "POST"},
			{Name: ":scheme", Value: "http"},
			{Name: ":authority", Value: "localhost"},
			{Name: ":path", Value: "/credenza.v1.ClassificationService/Classify"},
			{Name: "content-type", Value: "application/grpc"},
			{Name: "te", Value: "trailers"},
		} {
			_ = headers.WriteField(field) // to memory
		}
		if err = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true}); err == nil {
			err = framer.WriteRSTStream(stream, http2.ErrCodeCancel)
		}
	}
	return sent
}

var slowedCalls = regexp.MustCompile(`(?m)^credenza_calls_slowed_total (\d+)$`)

func TestRapidResets_AreReadSlowly(t *testing.T) {
	for _, port := range []string{"gRPC", "HTTP"} {
		t.Run(port, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, llmsim.Config{})
				pipe := w.grpc
				if port == "HTTP" {
					pipe = w.web
				}
				conn, err := pipe.DialContext(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				// Each counts for eight of a thousand for each processor, and those of a
				// second may come at once.
				most, sent := 1000/8*11*runtime.GOMAXPROCS(0), make(chan int, 1)
				go func() { _, _ = io.Copy(io.Discard, conn) }()
				go func() { sent <- resets(conn, 4*most) }()
				time.Sleep(10 * time.Second)
				_ = conn.Close()
				if n := <-sent; n > 2*most {
					t.Errorf("%d resets were read in 10 s, want %d", n, most)
				}
				slowed := slowedCalls.FindStringSubmatch(w.metrics(t))
				if slowed == nil {
					t.Fatal("there is no metric of slowed calls")
				}
				if n, _ := strconv.Atoi(slowed[1]); n == 0 {
					t.Error("no call was slowed")
				}
				if lines := strings.Count(w.log.String(), "is read more slowly"); lines < 1 || lines > 3 {
					t.Errorf("the log has %d lines of it, want a sample", lines)
				}
			})
		})
	}
}

func TestConnections_AreBoundedOnBothAddressesTogether(t *testing.T) {
	a, err := app.Start(t.Context(), settings(t, "--backend=offline", "--max-connections=8"), app.Options{LogTo: io.Discard, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close(t.Context()) }()
	var open []net.Conn
	for i := range 8 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", []string{a.GRPCAddr(), a.HTTPAddr()}[i%2])
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		open = append(open, conn)
	}
	refused := 0
	for _, conn := range open {
		_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		if _, err := io.ReadAll(conn); err == nil || !strings.Contains(err.Error(), "timeout") {
			refused++
		}
	}
	if refused != 4 {
		t.Errorf("%d of 8 connections of one address were refused, want the half that are for others", refused)
	}
}

// What a peer left behind when it closed its connection was once read at the pace of slowed
// calls, for minutes, although nothing could take the answers.
func TestRapidResets_OfAPeerThatLeftAreNotRead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says that a peer left before all is read")
	}
	a, err := app.Start(t.Context(), settings(t, "--backend=offline"), app.Options{LogTo: io.Discard, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close(t.Context()) }()
	const (
		connections = 20
		calls       = 400 // fit into the receive buffer, behind which the end would not be seen
	)
	var open sync.WaitGroup
	for range connections * runtime.GOMAXPROCS(0) {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", a.GRPCAddr())
		if err != nil {
			t.Fatal(err)
		}
		open.Go(func() {
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		})
		resets(conn, calls)
		if tcp, ok := conn.(*net.TCPConn); !ok || tcp.CloseWrite() != nil {
			t.Fatal("the connection cannot be left")
		}
	}
	left := time.Now()
	open.Wait()
	// An address begins 250 of those calls a second for each processor.
	if took := time.Since(left); took > connections*calls/250/3*time.Second {
		t.Errorf("connections were read for %v after their peer left", took)
	}
}
