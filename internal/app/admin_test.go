package app_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	channelzv1 "google.golang.org/grpc/channelz/grpc_channelz_v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/app"
)

// asked is what a request to the admin address gets.
func asked(t *testing.T, addr, path string, change func(*http.Request)) (int, string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	url := "http://" + addr + path
	if socket, ok := strings.CutPrefix(addr, "unix://"); ok {
		url = "http://any" + path
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// servers returns how many gRPC servers channelz shows, and what reflection lists.
func servers(t *testing.T, addr string) (n int, services string) {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := channelzv1.NewChannelzClient(conn).GetServers(t.Context(), &channelzv1.GetServersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	list, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return len(got.GetServer()), list.String()
}

func TestAdmin_ShowsTheInsideOfTheProcess(t *testing.T) {
	const secret = "sk-planted-4711-secret"
	socket := filepath.Join(t.TempDir(), "admin.sock")
	for name, addr := range map[string]string{"loopback": "127.0.0.1:0", "socket": "unix://" + socket} {
		t.Run(name, func(t *testing.T) {
			a := startOn(t, "--openai-base-url=http://127.0.0.1:1/v1", "--openai-api-key="+secret, "--admin-addr="+addr)
			at := a.AdminAddr()
			if _, err := dialTo(t, a).Taxonomy(t.Context()); err != nil {
				t.Fatal(err)
			}
			for path, want := range map[string]string{
				"/": "/debug/pprof/", "/debug/pprof/": "goroutine", "/debug/pprof/goroutine?debug=2": "internal/app", "/debug/pprof/goroutine?debug=1": "goroutine profile",
				"/debug/pprof/heap?debug=1": "heap profile", "/debug/pprof/allocs?debug=1": "heap profile", "/debug/pprof/mutex?debug=1": "mutex",
				"/debug/pprof/block?debug=1": "contention", "/debug/pprof/threadcreate?debug=1": "threadcreate", "/debug/pprof/trace?seconds=0.1": "go 1", "/debug/pprof/profile?seconds=1": "",
			} {
				code, body := asked(t, at, path, nil)
				if code != http.StatusOK || !strings.Contains(body, want) || body == "" {
					t.Errorf("%s: %d, without %q", path, code, want)
				}
				if strings.Contains(body, secret) {
					t.Errorf("%s has a key in it", path)
				}
			}
			if code, _ := asked(t, at, "/debug/pprof/cmdline", nil); code != http.StatusNotFound {
				t.Errorf("the command line, which may have keys in it, is answered with %d", code)
			}
			if n, services := servers(t, at); n < 2 || !strings.Contains(services, "grpc.channelz.v1.Channelz") {
				t.Errorf("channelz shows %d servers, want that of callers and its own; the services are %s", n, services)
			}
		})
	}
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there after the end: %v", err)
	}
}

func TestAdmin_IsForProgramsOnThisMachine(t *testing.T) {
	a := startOn(t, "--backend=offline", "--admin-addr=127.0.0.1:0")
	for name, change := range map[string]func(*http.Request){
		"another name of 127.0.0.1": func(r *http.Request) { r.Host = "evil.example" },
		"a page of another origin":  func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"an image of another page":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a page of another port":    func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
	} {
		if code, body := asked(t, a.AdminAddr(), "/debug/pprof/goroutine?debug=1", change); code != http.StatusForbidden || strings.Contains(body, "goroutine profile") {
			t.Errorf("%s: %d, %s", name, code, body)
		}
	}
	for _, addr := range []string{a.GRPCAddr(), a.HTTPAddr()} { // where callers are
		conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = channelzv1.NewChannelzClient(conn).GetServers(t.Context(), &channelzv1.GetServersRequest{})
		if code := status.Code(err); code != codes.Unimplemented && code != codes.Unavailable && code != codes.NotFound {
			t.Errorf("%s answers channelz: %v", addr, err)
		}
	}
	if code, _ := asked(t, a.HTTPAddr(), "/debug/pprof/", nil); code != http.StatusNotFound {
		t.Errorf("the HTTP address has profiles: %d", code)
	}
	if without := startOn(t, "--backend=offline"); without.AdminAddr() != "" {
		t.Errorf("without the setting it is served on %s", without.AdminAddr())
	}
}

func TestAdmin_RefusesAddressesThatOtherMachinesReach(t *testing.T) {
	for flags, want := range map[string]string{
		"--admin-addr=0.0.0.0:6060":   "admin-addr is 0.0.0.0:6060, which other machines can reach",
		"--admin-addr=:6060":          "admin-addr is :6060, which other machines can reach",
		"--admin-addr=192.0.2.1:6060": "which other machines can reach",
		"--admin-addr=[::]:6060":      "which other machines can reach",
		"--admin-addr=6060":           "give HOST:PORT",
		"--admin-addr=unix://a.sock":  "without an absolute path",
		"--http-addr=unix:///tmp/credenza-x.sock --admin-addr=unix:///tmp/credenza-x.sock": "http-addr and admin-addr are one socket",
	} {
		// Also if TLS is not wanted: the address has none.
		_, err := parse(append(strings.Fields(flags), "--insecure", "--backend=offline")...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", flags, err, want)
		}
	}
}

// TestAdmin_TakenPortStopsTheStart leaves nothing running.
func TestAdmin_TakenPortStopsTheStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = app.Start(t.Context(), settings(t, "--backend=offline", "--admin-addr="+l.Addr().String()), app.Options{LogTo: &buffer{}, Data: app.DataNone})
	if err == nil || !strings.Contains(err.Error(), "set admin-addr to another address") {
		t.Errorf("got %v", err)
	}
}
