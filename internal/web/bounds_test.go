package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/web"
)

// largeBody is a request of so many bytes and some.
func largeBody(bytes int) string {
	return `{"data":[{"name":"a","x":"` + strings.Repeat("x", bytes) + `"}],"toggle":1}`
}

// announce sends the head of a request whose body has so many bytes.
func announce(t *testing.T, conn net.Conn, path string, bytes int) {
	t.Helper()
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", path, bytes); err != nil {
		t.Fatal(err)
	}
}

func TestRoomForBodies(t *testing.T) {
	for name, path := range map[string]string{"the compatible endpoint": classifyPath, "a service": "/some.v1.Service/Method"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, setup{
					config: web.Config{MaxBodyBytes: 1 << 20, Intake: intake.New(2 << 20)},
					services: func(w http.ResponseWriter, req *http.Request) {
						if _, err := io.Copy(io.Discard, req.Body); fault.Is(err, fault.ServerFull) {
							w.WriteHeader(http.StatusServiceUnavailable)
						}
					},
				})
				body := largeBody(700 << 10)
				holder := r.dial(t)
				announce(t, holder, path, len(body)+1)
				if _, err := io.WriteString(holder, body); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if got := r.ask(t, "POST", path, body); got.status != 503 || got.header.Get("Retry-After") == "" {
					t.Errorf("next to another one: %+v", got)
				}
				if got := r.ask(t, "POST", path, largeBody(60<<10)); got.status != 200 {
					t.Errorf("a small one: %+v", got)
				}
				_ = holder.Close()
				synctest.Wait()
				if got := r.ask(t, "POST", path, body); got.status != 200 {
					t.Errorf("alone: %+v", got)
				}
			})
		})
	}
}

func TestRefusedCallersAreHeardOut(t *testing.T) {
	refusing := setup{callers: fakeCallers{fault.New(fault.Unauthenticated, "no token")}}
	t.Run("to the end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			conn := start(t, refusing).dial(t)
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			body := largeBody(4 << 20)
			announce(t, conn, classifyPath, len(body))
			if _, err := io.WriteString(conn, body); err != nil {
				t.Fatal(err)
			}
			if status, err := bufio.NewReader(conn).ReadString('\n'); !strings.Contains(status, "401") {
				t.Errorf("%q, %v", status, err)
			}
		})
	})
	t.Run("for some seconds", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			conn := start(t, refusing).dial(t)
			announce(t, conn, classifyPath, 60<<20)
			began, sent := time.Now(), make(chan struct{})
			go func() {
				defer close(sent)
				for piece, err := make([]byte, 64<<10), error(nil); err == nil; _, err = conn.Write(piece) {
					time.Sleep(time.Second)
				}
			}()
			status, err := bufio.NewReader(conn).ReadString('\n')
			if took := time.Since(began); !strings.Contains(status, "401") || took > 6*time.Second {
				t.Errorf("%q, %v after %v", status, err, took)
			}
			_ = conn.Close()
			<-sent
		})
	})
}

func TestShutdownWaitsForHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		r := start(t, setup{services: func(_ http.ResponseWriter, req *http.Request) {
			<-req.Context().Done()
			time.Sleep(time.Second) // what a handler still has to put in order
			ended = true
		}})
		conn := r.dial(t)
		announce(t, conn, "/some.v1.Service/Method", 0)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Shutdown(ctx); err != nil || !ended {
			t.Errorf("%v, the handler has ended: %v", err, ended)
		}
	})
}

// frame is a message in the envelope of a stream, of which the last bytes may lack.
func frame(size, missing int) string {
	head := string([]byte{0, byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)})
	return head + strings.Repeat("x", size-missing)
}

func TestUploads(t *testing.T) {
	const path = "/some.v1.Service/Upload"
	upload := func(t *testing.T, read *atomic.Int64, budget *intake.Budget, receive bool) (conn net.Conn, ended <-chan error) {
		end := make(chan error, 1)
		r := start(t, setup{config: web.Config{Intake: budget}, services: func(_ http.ResponseWriter, req *http.Request) {
			buffer := make([]byte, 16<<10)
			for {
				n, err := req.Body.Read(buffer)
				read.Add(int64(n))
				if receive {
					intake.From(req.Context()).Received(0)
				}
				if err != nil {
					end <- err
					return
				}
			}
		}})
		conn = r.dial(t)
		announce(t, conn, path, 60<<20)
		return conn, end
	}
	t.Run("messages that wait for their turn hold the caller up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			t.Cleanup(func() { time.Sleep(time.Second) }) // net/http closes a connection slowly
			var read atomic.Int64
			conn, _ := upload(t, &read, intake.New(0), false)
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				for range 50 {
					if _, err := io.WriteString(conn, frame(100<<10, 0)); err != nil {
						return
					}
				}
			}()
			time.Sleep(time.Hour)
			if n := read.Load(); n < 1<<20 || n > 1<<20+256<<10 {
				t.Errorf("%d KiB were read of messages that no one takes", n>>10)
			}
			_ = conn.Close()
			<-sent
		})
	})
	t.Run("a caller that was held up may go on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			t.Cleanup(func() { time.Sleep(time.Second) }) // net/http closes a connection slowly
			const messages, size = 50, 100 << 10
			var read atomic.Int64
			ended, calls := make(chan error, 1), make(chan *intake.Inbound, 1)
			conn := start(t, setup{services: func(_ http.ResponseWriter, req *http.Request) {
				calls <- intake.From(req.Context())
				buffer := make([]byte, 16<<10)
				for {
					n, err := req.Body.Read(buffer)
					read.Add(int64(n))
					if err != nil {
						ended <- err
						return
					}
				}
			}}).dial(t)
			announce(t, conn, path, messages*(5+size))
			go func() { _, _ = io.WriteString(conn, strings.Repeat(frame(size, 0), messages)) }()
			in := <-calls
			for range messages {
				time.Sleep(10 * time.Minute)
				in.Received(0)
			}
			if err := <-ended; !errors.Is(err, io.EOF) || read.Load() != messages*(5+size) {
				t.Errorf("%d bytes were read, %v", read.Load(), err)
			}
			_ = conn.Close()
		})
	})
	t.Run("a message that came to a stop ends it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var read atomic.Int64
			budget := intake.New(0)
			conn, ended := upload(t, &read, budget, true)
			if _, err := io.WriteString(conn, frame(1000, 0)+frame(2<<20, 1)); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) > 31*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			synctest.Wait()
			if held := budget.Held(); held != 0 {
				t.Errorf("%d bytes are held after it", held)
			}
		})
	})
	t.Run("what a message unpacks to is charged until it is received", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			budget := intake.New(8 << 20)
			r := start(t, setup{config: web.Config{Intake: budget}, services: func(_ http.ResponseWriter, req *http.Request) {
				body, ok := req.Body.(interface{ Hold(n int) error })
				if !ok {
					t.Error("the body takes no room for what it unpacks to")
					return
				}
				for _, before := range []int{len(frame(1000, 0)), 500} { // whole, and begun
					_, _ = io.ReadFull(req.Body, make([]byte, before))
					_ = body.Hold(1 << 20)
					if held := budget.Held(); held < 1<<20 {
						t.Errorf("%d bytes are held of 1 MiB", held)
					}
					_, _ = io.ReadFull(req.Body, make([]byte, len(frame(1000, 0))-before))
					intake.From(req.Context()).Received(0)
					if held := budget.Held(); held != 0 {
						t.Errorf("%d bytes are held of a message that was received", held)
					}
				}
				_ = body.Hold(5 << 20)
				if err := body.Hold(1); !fault.Is(err, fault.ServerFull) {
					t.Errorf("beyond the caller's share: %v", err)
				}
			}})
			r.ask(t, "POST", path, frame(1000, 0)+frame(1000, 0))
		})
	})
	t.Run("silence between two messages does not", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var read atomic.Int64
			conn, ended := upload(t, &read, intake.New(0), true)
			for range 3 {
				if _, err := io.WriteString(conn, frame(1000, 0)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
			}
			select {
			case err := <-ended:
				t.Error(err)
			default:
			}
		})
	})
}

func TestBodies_ThatCameToAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := start(t, setup{}).dial(t)
		announce(t, conn, classifyPath, 63<<20)
		if _, err := io.WriteString(conn, largeBody(62 << 20)[:62<<20]); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		status, err := bufio.NewReader(conn).ReadString('\n')
		if took := time.Since(began); !strings.Contains(status, "408") || took > 40*time.Second {
			t.Errorf("%q, %v after %v", status, err, took)
		}
	})
}

func TestBodies_WaitForRoomIsNotTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := intake.New(1 << 20)
		other := budget.Open("another caller", nil)
		defer other.Close()
		other.Charge(900 << 10)
		conn := start(t, setup{config: web.Config{Intake: budget}}).dial(t)
		body := largeBody(200 << 10)
		announce(t, conn, classifyPath, len(body))
		_, err := io.WriteString(conn, body[:60<<10])
		time.Sleep(28 * time.Second) // so that 2 s are left
		time.AfterFunc(4*time.Second, func() { other.Release(900 << 10) })
		go func() { _, _ = io.WriteString(conn, body[60<<10:]) }()
		status, readErr := bufio.NewReader(conn).ReadString('\n')
		if !strings.Contains(status, "200") {
			t.Errorf("%q, %v", status, errors.Join(err, readErr))
		}
	})
}
