package fetch_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/fetch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func usual() fetch.Config {
	return fetch.Config{
		Version: "1.2.3", Timeout: 10 * time.Second, MaxBytes: 1 << 20, Bodies: 16, Allow: []string{"127.0.0.0/8"},
	}
}

func newClient(t testing.TB, c fetch.Config) *fetch.Client {
	t.Helper()
	client, err := fetch.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := fetch.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func get(t testing.TB, c *fetch.Client, raw string) (*fetch.Resource, error) {
	t.Helper()
	u, err := fetch.Parse(raw)
	if err != nil {
		return nil, err
	}
	r, err := c.Fetch(t.Context(), fetch.Request{Address: u})
	if err == nil {
		t.Cleanup(r.Close)
	}
	return r, err
}

func reasonOf(err error) string {
	if err == nil {
		return "no error"
	}
	return fault.From(err).Reason.String()
}

// portOf returns the port that a server listens on.
func portOf(t testing.TB, address net.Addr) uint16 {
	t.Helper()
	_, port, err := net.SplitHostPort(address.String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(n)
}

// names is a name server on loopback that knows some names.
func names(t testing.TB, known map[string][][4]byte) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := resolve(buf[:n], known); answer != nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func resolve(query []byte, known map[string][][4]byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.Additionals = true, nil
	ips, ok := known[q.Name.String()]
	switch {
	case !ok:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		for _, ip := range ips {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: ip},
			})
		}
	}
	b, _ := m.Pack()
	return b
}
