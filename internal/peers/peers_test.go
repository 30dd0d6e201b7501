package peers_test

import (
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/peers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dialed is a listener that accepts one end of a pipe for each address.
type dialed struct {
	net.Listener
	from chan string
}

type pipeEnd struct {
	net.Conn
	remote net.Addr
}

func (e pipeEnd) RemoteAddr() net.Addr { return e.remote }

func (d dialed) Accept() (net.Conn, error) {
	from, ok := <-d.from
	if !ok {
		return nil, net.ErrClosed
	}
	ours, theirs := net.Pipe()
	go func() { // sends until it is closed
		for {
			if _, err := theirs.Write([]byte("x")); err != nil {
				return
			}
		}
	}()
	addr, err := net.ResolveTCPAddr("tcp", from)
	if err != nil {
		return nil, err
	}
	return pipeEnd{ours, addr}, nil
}

// accept returns the connection from an address, or nil if it was refused.
func accept(t *testing.T, limits *peers.Limits, from string) net.Conn {
	t.Helper()
	d := dialed{from: make(chan string, 1)}
	d.from <- from
	close(d.from)
	conn, err := limits.Listener(d).Accept()
	if err != nil {
		return nil
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestListener_BoundsConnectionsOfAllAndOfAnAddress(t *testing.T) {
	limits := peers.New(peers.Config{Connections: 40}, zap.NewNop())
	var open []net.Conn
	for range 40 {
		if conn := accept(t, limits, "192.0.2.1:1000"); conn != nil {
			open = append(open, conn)
		}
	}
	if len(open) != 20 {
		t.Errorf("an address alone has %d connections of 40, want half", len(open))
	}
	same := 0
	for _, from := range []string{"[2001:db8::1]:1", "[2001:db8::2]:1"} {
		for range 40 {
			if accept(t, limits, from) != nil {
				same++
			}
		}
	}
	if same != 10 {
		t.Errorf("two addresses of one IPv6 network have %d connections, want half of the 20 that were free", same)
	}
	if accept(t, limits, "192.0.2.2:1") == nil {
		t.Error("an address with none is refused although there is room")
	}
	for i := range 4 * 40 {
		accept(t, limits, net.JoinHostPort("192.0.2."+string(rune('3'+i%5)), "1"))
	}
	if s := limits.Stats(); s.Open != 40 || s.Refused == 0 {
		t.Errorf("%d are open, %d were refused; want all 40", s.Open, s.Refused)
	}
	if accept(t, limits, "192.0.2.9:1") != nil {
		t.Error("one more than all was accepted")
	}
	_ = open[0].Close()
	_ = open[0].Close() // counts once
	if accept(t, limits, "192.0.2.9:1") == nil {
		t.Error("the place of a closed connection is not given to another one")
	}
}

// calls has a connection begin calls for a time, and returns how many it could.
func calls(conn net.Conn, within time.Duration) int {
	for n, end := 0, time.Now().Add(within); ; n++ {
		if _, err := conn.Read(make([]byte, 1)); err != nil || time.Now().After(end) {
			return n
		}
		peers.Opened(conn.RemoteAddr())
	}
}

func TestConn_BeginsNoMoreCallsThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := peers.New(peers.Config{Connections: 40, Rate: 100}, zap.NewNop())
		conn := accept(t, limits, "192.0.2.1:1")
		if n := calls(conn, 10*time.Second); n < 1095 || n > 1105 {
			t.Errorf("a connection began %d calls in 10 s, want 100 a second and those of one at once", n)
		}
		done := make(chan int)
		for range 6 {
			go func() { done <- calls(accept(t, limits, "192.0.2.1:1"), 10*time.Second) }()
		}
		sum := 0
		for range 6 {
			sum += <-done
		}
		if sum < 1990 || sum > 2210 {
			t.Errorf("an address began %d calls in 10 s, want 200 a second", sum)
		}
		go func() { done <- calls(accept(t, limits, "192.0.2.1:1"), 10*time.Second) }()
		time.Sleep(5 * time.Second)
		slow := accept(t, limits, "192.0.2.1:1")
		for range 20 {
			began := time.Now()
			if _, err := slow.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("a connection that begins few calls waited %v for the others of its address", took)
			}
			peers.Opened(slow.RemoteAddr())
			time.Sleep(100 * time.Millisecond)
		}
		<-done
		other := accept(t, limits, "192.0.2.2:1")
		began := time.Now()
		if n := calls(other, time.Second); n < 190 || time.Since(began) > 1100*time.Millisecond {
			t.Errorf("another address began %d calls in %v", n, time.Since(began))
		}
	})
}

func TestConn_ThatIsHeldCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := accept(t, peers.New(peers.Config{Connections: 1, Rate: 1}, zap.NewNop()), "192.0.2.1:1")
		for range 1000 {
			peers.Opened(conn.RemoteAddr())
		}
		read := make(chan error)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		_ = conn.Close()
		if err := <-read; err == nil {
			t.Error("a connection that was closed was read")
		}
	})
}

func TestAddress_BeginsNoMoreCallsByConnectingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := peers.New(peers.Config{Connections: 40, Rate: 100}, zap.NewNop())
		n := 0
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && n < 10_000; {
			conn := accept(t, limits, "192.0.2.1:1")
			for range 50 {
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
				peers.Opened(conn.RemoteAddr())
				n++
			}
			_ = conn.Close()
		}
		if n > 2300 {
			t.Errorf("an address began %d calls in 10 s, want 200 a second and those of one at once", n)
		}
		time.Sleep(time.Minute) // its timer ends
	})
}

// Connections that were slowed together once began their next calls at the same moment, and
// again and again, so that calls of all others waited for as many at once.
func TestConn_ThatIsSlowedWithOthersBeginsNoCallAtTheirMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const connections, tick = 200, 50 * time.Millisecond
		limits := peers.New(peers.Config{Connections: 2 * connections, Rate: 100}, zap.NewNop())
		began, begun := time.Now(), make(chan time.Duration, 10_000)
		var running sync.WaitGroup
		for range connections {
			conn := accept(t, limits, "192.0.2.1:1")
			running.Go(func() {
				for time.Since(began) < 20*time.Second {
					if _, err := conn.Read(make([]byte, 1)); err != nil {
						t.Error(err)
					}
					peers.Opened(conn.RemoteAddr())
					begun <- time.Since(began)
				}
			})
		}
		running.Wait()
		close(begun)
		perTick := map[time.Duration]int{}
		for at := range begun {
			perTick[at/tick]++
		}
		for k := 5 * time.Second / tick; k < 20*time.Second/tick; k++ {
			if perTick[k] > connections/4 { // evenly they would be 10
				t.Errorf("%d calls began within %v, %v after the start", perTick[k], tick, k*tick)
			}
		}
	})
}
