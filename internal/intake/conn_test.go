package intake_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"testing"

	"golang.org/x/net/http2"

	"github.com/credenza-dev/credenza/internal/intake"
)

// chopped is a connection on which bytes come in pieces of any length.
type chopped struct {
	net.Conn
	in     *bytes.Reader
	random *rand.Rand
}

func (c *chopped) Read(p []byte) (int, error) { return c.in.Read(p[:1+c.random.IntN(len(p))]) }

func (*chopped) LocalAddr() net.Addr  { return &net.TCPAddr{} }
func (*chopped) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// A server that opens each call at its headers finds each charged with its own DATA.
func TestConn_ChargesEachCallWithItsData(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		var wire bytes.Buffer
		wire.WriteString(http2.ClientPreface)
		sent := writeFrames(&wire, random)
		budget := intake.New(1 << 40)
		conn := budget.Conn(&chopped{in: bytes.NewReader(wire.Bytes()), random: random})
		server := &server{t: t, conn: conn, budget: budget, charged: map[uint32]int64{}}
		server.read()
		for stream, want := range sent {
			if got := server.charged[stream]; got < want || (want == 0 && got != 0) {
				t.Fatalf("seed %d: stream %d was charged with %d bytes, sent were %d", seed, stream, got, want)
			}
		}
	}
}

// writeFrames writes calls as any client may, and returns how much DATA each has.
func writeFrames(wire *bytes.Buffer, random *rand.Rand) map[uint32]int64 {
	framer := http2.NewFramer(wire, nil)
	sent, last := map[uint32]int64{}, uint32(0)
	err := framer.WriteSettings()
	for range 100 {
		var e error
		switch random.IntN(6) {
		case 0, 1:
			last += 2
			stream := last - 1
			sent[stream] = 0
			whole := random.IntN(2) == 0
			e = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: make([]byte, 1+random.IntN(50)), EndHeaders: whole})
			if !whole {
				e = errors.Join(e, framer.WriteContinuation(stream, true, make([]byte, 1+random.IntN(9))))
			}
		case 2:
			e = framer.WritePing(false, [8]byte{})
		default:
			if last == 0 {
				continue
			}
			stream := uint32(random.IntN(int(last/2)))*2 + 1
			data, padding := make([]byte, random.IntN(20_000)), make([]byte, random.IntN(200))
			sent[stream] += int64(len(data))
			if random.IntN(3) == 0 {
				e = framer.WriteDataPadded(stream, false, data, padding)
			} else {
				e = framer.WriteData(stream, false, data)
			}
		}
		err = errors.Join(err, e)
	}
	if err != nil {
		panic(err)
	}
	return sent
}

// server reads frames as one does, and opens calls as gRPC's tap does.
type server struct {
	t       *testing.T
	conn    *intake.Conn
	budget  *intake.Budget
	charged map[uint32]int64
}

func (s *server) read() {
	if _, err := io.ReadFull(s.conn, make([]byte, len(http2.ClientPreface))); err != nil {
		s.t.Fatal(err)
	}
	framer := http2.NewFramer(io.Discard, s.conn)
	framer.SetMaxReadFrameSize(1 << 20)
	before := int64(0)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				s.t.Fatal(err)
			}
			return
		}
		switch f := frame.(type) {
		case *http2.HeadersFrame, *http2.ContinuationFrame:
			if frame.Header().Flags.Has(http2.FlagHeadersEndHeaders) {
				s.conn.Open("caller", true, nil)
			}
		case *http2.DataFrame:
			if n := s.budget.Held() - before; n < int64(len(f.Data())) {
				s.t.Fatalf("DATA of %d bytes was charged with %d", len(f.Data()), n)
			}
			s.charged[f.StreamID] += s.budget.Held() - before
		}
		before = s.budget.Held()
	}
}
