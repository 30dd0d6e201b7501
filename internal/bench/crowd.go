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

// bare is the port of the yardstick, which only echoes.
const bare = "bare"

// Run prints a row for each crowd on each address. The usual time is measured before each
// crowd, since what else the machine does changes it.
func (c crowdCommand) Run(ctx context.Context, b *bench) error {
	sim := b.role(ctx, "sim", fmt.Sprintf("latency: {median: %v, sigma: 0}", c.Median))
	defer sim.stop()
	echo := b.role(ctx, "echo", c.Median.String())
	defer echo.stop()
	server := b.service(ctx, sim.addr, noCache)
	defer server.stop()
	b.printf("%-6s %-18s %7s %10s %10s %10s %10s %10s %7s %7s\n", "port", "crowd", "peers", "usual p50", "usual p95", "p50", "p95", "p99", "times", bare)
	good, yardstick := true, map[string]float64{}
	for _, port := range []crowdPort{{bare, echo.addr, callEcho}, {"gRPC", server.addr, callGRPC}, {"HTTP", server.http, callHTTP}} {
		c.times(ctx, port) // opens what is opened once
		for _, kind := range crowds {
			factor := c.measure(ctx, b, port, kind.name, kind.act, yardstick[kind.name])
			if port.name == bare {
				yardstick[kind.name] = factor
			} else if factor > crowdGoal {
				good = false
			}
		}
	}
	b.printf("goal: the median and the 95th percentile within %d times the usual; %s is a server that only echoes, next to the same crowd\n", crowdGoal, bare)
	return reached(good)
}

// crowdPort is an address at which a crowd is met, and a call to it.
type crowdPort struct {
	name, addr string
	call       func(ctx context.Context, addr string, i int) error
}

func (c crowdCommand) measure(
	ctx context.Context, b *bench, port crowdPort, name string, act func(context.Context, net.Conn, string), yardstick float64,
) (factor float64) {
	usual := c.times(ctx, port)
	leave := assemble(ctx, c.Peers, port.addr, port.name, act)
	check(sleep(ctx, time.Second))
	times := c.times(ctx, port)
	leave()
	factor = max(part(times, 50)/part(usual, 50), part(times, 95)/part(usual, 95))
	at := func(sorted []time.Duration, percent int) string { return ms(time.Duration(part(sorted, percent))) }
	b.printf("%-6s %-18s %7d %10s %10s %10s %10s %10s %7.2f", port.name, name, c.Peers, at(usual, 50), at(usual, 95), at(times, 50), at(times, 95), at(times, 99), factor)
	if yardstick > 0 {
		b.printf(" %7.2f", yardstick)
	}
	if yardstick > crowdGoal {
		b.printf(" the machine has no time for this crowd")
	}
	b.printf("\n")
	return factor
}

// part is a percentile of sorted times.
func part(sorted []time.Duration, percent int) float64 {
	return float64(sorted[min(len(sorted)-1, len(sorted)*percent/100)])
}

// times are those of calls, each on a connection of its own, sorted.
func (c crowdCommand) times(ctx context.Context, port crowdPort) []time.Duration {
	times := make([]time.Duration, c.Calls)
	for i := range times {
		began := time.Now()
		check(port.call(ctx, port.addr, i))
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times
}

// callEcho has one byte echoed.
func callEcho(ctx context.Context, addr string, _ int) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte{0}); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

// callGRPC classifies one item over a new connection.
func callGRPC(ctx context.Context, addr string, i int) error {
	client, err := dial(addr)
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
func callHTTP(ctx context.Context, addr string, i int) error {
	body := fmt.Sprintf(`{"item": {"productName": %q}}`, question(i).ProductName)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"http://"+addr+"/credenza.v1.ClassificationService/Classify", strings.NewReader(body))
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

// assemble starts a crowd of peers that connect again whenever their connection has ended. It
// returns when each has connected once, with the function that returns when all have left.
func assemble(ctx context.Context, n int, addr, port string, act func(context.Context, net.Conn, string)) (leave func()) {
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
	return func() {
		cancel()
		peers.Wait()
	}
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
