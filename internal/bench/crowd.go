package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// crowdAddress is where the crowd connects from, since bounds are those of an address.
const crowdAddress = "127.0.0.2"

// crowdGoal is the most that calls may take of their usual time.
const crowdGoal = 2

// The peers of a crowd, by what they do with their connection until it ends.
var crowds = []struct {
	name string
	act  func(ctx context.Context, conn net.Conn, port string)
}{
	{"silence", func(ctx context.Context, conn net.Conn, _ string) { hold(ctx, conn) }},
	{"half a header", halfHeader},
	{"reset calls", resetCalls},
	{"reset connections", resetConnection},
}

// crowdCommand measures calls while a crowd of peers holds connections and asks nothing.
type crowdCommand struct {
	Peers  int           `default:"1000" help:"Connections of the crowd."`
	Calls  int           `default:"300" help:"Calls that are measured with each crowd."`
	Median time.Duration `default:"20ms" help:"Time of an answer of the model."`
}

// Run prints a row for each crowd on each address.
func (c crowdCommand) Run(ctx context.Context, b *bench) error {
	sim := b.role(ctx, "sim", fmt.Sprintf("latency: {median: %v, sigma: 0}", c.Median))
	defer sim.stop()
	server := b.service(ctx, sim.addr, noCache)
	defer server.stop()
	b.printf("%-6s %-18s %7s %10s %10s %10s %7s\n", "port", "crowd", "peers", "p50", "p95", "p99", "times")
	good := true
	for _, port := range []string{"gRPC", "HTTP"} {
		c.times(ctx, server, port) // opens what is opened once
		usual := c.times(ctx, server, port)
		b.crowdRow(port, "none", 0, usual, 1)
		for _, kind := range crowds {
			good = c.measure(ctx, b, server, port, kind.name, kind.act, usual) && good
		}
	}
	b.printf("goal: the median and the 95th percentile within %d times the usual\n", crowdGoal)
	return reached(good)
}

func (c crowdCommand) measure(
	ctx context.Context, b *bench, server *process, port, name string, act func(context.Context, net.Conn, string), usual []time.Duration,
) bool {
	addr := server.addr
	if port == "HTTP" {
		addr = server.http
	}
	crowd := assemble(ctx, c.Peers, addr, port, act)
	check(sleep(ctx, time.Second))
	times := c.times(ctx, server, port)
	crowd.leave()
	factor := max(part(times, 50)/part(usual, 50), part(times, 95)/part(usual, 95))
	b.crowdRow(port, name, c.Peers, times, factor)
	return factor <= crowdGoal
}

func (b *bench) crowdRow(port, name string, peers int, times []time.Duration, factor float64) {
	at := func(percent int) string { return ms(time.Duration(part(times, percent))) }
	b.printf("%-6s %-18s %7d %10s %10s %10s %7.2f\n", port, name, peers, at(50), at(95), at(99), factor)
}

// part is a percentile of sorted times.
func part(sorted []time.Duration, percent int) float64 {
	return float64(sorted[min(len(sorted)-1, len(sorted)*percent/100)])
}

// times are those of calls, each on a connection of its own, sorted.
func (c crowdCommand) times(ctx context.Context, server *process, port string) []time.Duration {
	call := callGRPC
	if port == "HTTP" {
		call = callHTTP
	}
	times := make([]time.Duration, c.Calls)
	for i := range times {
		began := time.Now()
		check(call(ctx, server.addr, server.http, i))
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times
}

// callGRPC classifies one item over a new connection.
func callGRPC(ctx context.Context, grpcAddr, _ string, i int) error {
	client, err := dial(grpcAddr)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	result, err := client.Classify(ctx, question(i), credenza.Options{Mode: credenza.Text})
	if err != nil {
		return err
	}
	return failed(result)
}

// callHTTP does the same at the HTTP address.
func callHTTP(ctx context.Context, _, httpAddr string, i int) error {
	body := fmt.Sprintf(`{"item": {"productName": %q}}`, question(i).ProductName)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"http://"+httpAddr+"/credenza.v1.ClassificationService/Classify", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || !bytes.Contains(text, []byte(`"classification"`))) {
		err = fmt.Errorf("%s: %.200s", res.Status, text)
	}
	return err
}

// crowd is peers that connect again whenever their connection has ended.
type crowd struct {
	leave func() // returns when all have left
}

// assemble starts a crowd and returns when each peer has connected once.
func assemble(ctx context.Context, n int, addr, port string, act func(context.Context, net.Conn, string)) crowd {
	ctx, cancel := context.WithCancel(ctx)
	var peers, connected sync.WaitGroup
	connected.Add(n)
	for range n {
		peers.Go(func() {
			first := sync.OnceFunc(connected.Done)
			defer first()
			_ = sleep(ctx, rand.N(time.Second)) // they do not act all at once
			for ctx.Err() == nil {
				dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(crowdAddress)}}
				conn, err := dialer.DialContext(ctx, "tcp", addr)
				first()
				if err == nil {
					act(ctx, conn, port)
					_ = conn.Close() // the server sees its end, whatever the error
				}
				_ = sleep(ctx, time.Second) // a peer that is refused comes back
			}
		})
	}
	connected.Wait()
	return crowd{func() {
		cancel()
		peers.Wait()
	}}
}

// hold reads until the server closes the connection or the peer leaves.
func hold(ctx context.Context, conn net.Conn) {
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, _ = io.Copy(io.Discard, conn)
}

// halfHeader begins a header and never ends it.
func halfHeader(ctx context.Context, conn net.Conn, port string) {
	begun := []byte("POST /classify-category HTTP/1.1\r\nHost: localhost\r\nX-Half: ")
	if port == "gRPC" {
		var frames bytes.Buffer
		framer := preface(&frames)
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: callHeader()}) // to memory, without its end
		begun = frames.Bytes()
	}
	if _, err := conn.Write(begun); err == nil {
		hold(ctx, conn)
	}
}

// resetsAtOnce is how many calls a peer gives up every second.
const resetsAtOnce = 10

// resetCalls begins calls and gives each up at once.
func resetCalls(ctx context.Context, conn net.Conn, _ string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		hold(ctx, conn)
		cancel()
	}()
	var frames bytes.Buffer
	framer := preface(&frames)
	for stream := uint32(1); ctx.Err() == nil; {
		for range resetsAtOnce { // to memory
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: callHeader(), EndHeaders: true})
			_ = framer.WriteRSTStream(stream, http2.ErrCodeCancel)
			stream += 2
		}
		if _, err := conn.Write(frames.Bytes()); err != nil {
			return
		}
		frames.Reset()
		_ = sleep(ctx, time.Second)
	}
}

// resetConnection sends half a header and then a reset of TCP.
func resetConnection(ctx context.Context, conn net.Conn, _ string) {
	_, _ = io.WriteString(conn, "POST /classify-category HTTP/1.1\r\nHo") // it may be refused
	_ = sleep(ctx, 100*time.Millisecond)
	_ = conn.(*net.TCPConn).SetLinger(0)
}

// preface begins a connection of HTTP/2.
func preface(to *bytes.Buffer) *http2.Framer {
	to.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(to, nil)
	_ = framer.WriteSettings() // to memory
	return framer
}

// callHeader is the header of a call of gRPC, which depends on no earlier one.
func callHeader() []byte {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encoder.SetMaxDynamicTableSize(0)
	for _, field := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "http"},
		{Name: ":authority", Value: "localhost"},
		{Name: ":path", Value: "/credenza.v1.ClassificationService/Classify"},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
	} {
		_ = encoder.WriteField(field) // to memory
	}
	return block.Bytes()
}
