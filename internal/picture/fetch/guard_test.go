package fetch_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/fetch"
)

// counter is a listener on an internal address that counts connections.
func counter(t *testing.T, at string) (port uint16, count *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	count = new(atomic.Int64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return portOf(t, l.Addr()), count
}

func TestGuard_RejectsInternalAddresses(t *testing.T) {
	port, count := counter(t, "0.0.0.0:0")
	config := usual()
	config.Allow = []string{"127.0.0.77"} // the shop that redirects
	config.Ports = []uint16{port}
	config.Resolver = names(t, map[string][][4]byte{"inside.example.": {{127, 0, 0, 1}}, "meta.example.": {{169, 254, 169, 254}}})
	client := newClient(t, config)

	hosts := []string{
		"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0X7F.0x0.0x0.0x1", "017700000001", "0177.0.0.1",
		"127.0.0.1.", "%31%32%37.0.0.1", "１２７.０.０.１", "127。0。0。1", "①②⑦.0.0.1",
		"0.0.0.0", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]",
		"[fe80::1]", "[fd00::1]", "[fc00::1]", "[ff02::1]", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0xa9fea9fe",
		"2852039166", "224.0.0.1", "255.255.255.255", "198.18.0.1", "localhost", "LOCALHOST.", "a.localhost", "inside.example", "meta.example",
	}
	check := func(t *testing.T, address string) {
		t.Helper()
		_, err := get(t, client, address)
		if !fault.Is(err, fault.ImageForbidden) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, host := range hosts {
		t.Run(host, func(t *testing.T) { check(t, fmt.Sprintf("http://%s:%d/latest/meta-data", host, port)) })
	}
	t.Run("with a name before", func(t *testing.T) { check(t, fmt.Sprintf("http://shop.example:80@127.0.0.1:%d/", port)) })
	t.Run("with backslashes", func(t *testing.T) { check(t, fmt.Sprintf(`http:\\127.0.0.1:%d\@shop.example/`, port)) })
	t.Run("behind a redirect", func(t *testing.T) {
		shop := onLoopback(t, "127.0.0.77", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
		})
		for _, to := range []string{"http://127.0.0.1:%d/", "http://2130706433:%d/", "//0x7f.1:%d/", "http://inside.example:%d/", "http://169.254.169.254:%d/"} {
			check(t, shop.URL+"/?to="+fmt.Sprintf(to, port))
		}
		check(t, shop.URL+"/?to=file:///etc/passwd")
		check(t, shop.URL+"/?to=gopher://127.0.0.1:70/")
	})
	if n := count.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// onLoopback serves on an address of its own.
func onLoopback(t *testing.T, ip string, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// TestGuard_ChecksEachAddressOfAName has a name that resolves to an internal address
// and an allowed one. On Linux, all of 127.0.0.0/8 is this machine.
func TestGuard_ChecksEachAddressOfAName(t *testing.T) {
	port, inside := counter(t, "127.0.0.1:0")
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.77:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	shop := &httptest.Server{Listener: l, Config: &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a sofa")) }),
	}}
	shop.Start()
	t.Cleanup(shop.Close)
	config := usual()
	config.Allow, config.Ports = []string{"127.0.0.77"}, []uint16{port}
	both := [][4]byte{{127, 0, 0, 1}, {127, 0, 0, 77}}
	config.Resolver = names(t, map[string][][4]byte{
		"first.example.": both, "last.example.": {both[1], both[0]}, "none.example.": {both[0], {169, 254, 169, 254}},
	})
	client := newClient(t, config)
	for host, want := range map[string]string{"first": "no error", "last": "no error", "none": "IMAGE_FORBIDDEN"} {
		if _, err := get(t, client, fmt.Sprintf("http://%s.example:%d/", host, port)); reasonOf(err) != want {
			t.Errorf("%s: %v, want %s", host, err, want)
		}
	}
	if n := inside.Load(); n != 0 {
		t.Errorf("the internal address was connected to %d times", n)
	}
}

func TestGuard_Allow(t *testing.T) {
	shop := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a sofa")) })
	port := fmt.Sprint(portOf(t, shop.Listener.Addr()))
	resolver := names(t, map[string][][4]byte{"shop.example.": {{127, 0, 0, 1}}})
	tests := []struct {
		name, allow, host string
		reason            fault.Reason // 0: it is connected to
	}{
		{"a network", "127.0.0.0/8", "127.0.0.1", 0},
		{"an address", "127.0.0.1", "127.0.0.1", 0},
		{"a network, written as IPv6", "::ffff:127.0.0.0/104", "127.0.0.1", 0},
		{"another network, written as IPv6", "::ffff:10.0.0.0/104", "127.0.0.1", fault.ImageForbidden},
		{"an address, written as a number", "127.0.0.1", "2130706433", 0},
		{"a network, by a name in it", "127.0.0.0/8", "shop.example", 0},
		{"a host", "shop.example", "shop.example", 0},
		{"a host in other letters", "Shop.Example.", "SHOP.example", 0},
		{"a host, by its address", "shop.example", "127.0.0.1", fault.ImageForbidden},
		{"another network", "10.0.0.0/8", "127.0.0.1", fault.ImageForbidden},
		{"an IPv6 address in brackets", "[::1]", "127.0.0.1", fault.ImageForbidden},
		{"another host", "other.example", "shop.example", fault.ImageForbidden},
		{"an IPv6 network", "::/0", "127.0.0.1", fault.ImageForbidden},
		{"no such host", "127.0.0.1", "nowhere.example", fault.ImageUnreachable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := usual()
			config.Allow, config.Resolver = []string{tt.allow}, resolver
			_, err := get(t, newClient(t, config), "http://"+tt.host+":"+port+"/")
			if (err == nil) != (tt.reason == 0) || (err != nil && !fault.Is(err, tt.reason)) {
				t.Error(err)
			}
		})
	}
}

func TestGuard_RejectsOtherPorts(t *testing.T) {
	config := usual()
	config.Allow = nil
	_, err := get(t, newClient(t, config), "http://8.8.8.8:22/")
	if !fault.Is(err, fault.ImageForbidden) || !strings.Contains(err.Error(), "port 22") || !strings.Contains(err.Error(), "80 and 443") {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	tests := []struct{ raw, want string }{
		{" http://shop.example/a.jpg\n", "http://shop.example/a.jpg"},
		{"HTTPS://Shop.Example:8443/A.jpg?b=C#d", "https://shop.example:8443/A.jpg?b=C"},
		{"http:shop.example/a.jpg", "http://shop.example/a.jpg"},
		{`https:\\shop.example\i\a.jpg?x=\`, `https://shop.example/i/a.jpg?x=\`},
		{"http://shop.example/i/../my chair%20.jpg", "http://shop.example/my%20chair%20.jpg"},
		{"http://shop.example/100%.jpg", "http://shop.example/100%25.jpg"},
		{"http://shop.example/%C3%BC?ü", "http://shop.example/%C3%BC?%C3%BC"},
		{"http://shop.example/a%2Fb|c^{d}.jpg?e|f^", "http://shop.example/a%2Fb%7Cc%5E%7Bd%7D.jpg?e|f^"},
		{"http://möbel.example/", "http://xn--mbel-5qa.example/"},
		{"http://my_shop.example/", "http://my_shop.example/"},
		{"http://3com.example/", "http://3com.example/"},
		{"http://134744072/", "http://8.8.8.8/"},
		{"http://8.8.2056/", "http://8.8.8.8/"},
		{"http://0x.0x.0/", "http://0.0.0.0/"},
		{"http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080/"},
		{"http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"},
		{"https://shop.example:443/", "https://shop.example/"},
		{"https://shop.example:80/", "https://shop.example:80/"},
		{"http://shop.example.:080/a.jpg", "http://shop.example/a.jpg"},
		{"http://u:p%40@shop.example/", "http://u:p%40@shop.example/"},
		{"http://shop.example", "http://shop.example/"},
	}
	for _, tt := range tests {
		t.Run(tt.raw, func(t *testing.T) {
			got, err := fetch.Parse(tt.raw)
			if err != nil || (got.String() != tt.want && got.String()+"/" != tt.want) {
				t.Errorf("got %v, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestParse_Rejects(t *testing.T) {
	for _, raw := range []string{
		"", "a sofa", "/a.jpg", "shop.example/a.jpg", "//shop.example/a.jpg", "ftp://shop.example/a.jpg", "file:///etc/passwd",
		"data:image/png;base64,AAAA", "javascript:alert(1)", "localhost:8080/a.jpg", "http://", "http:///", "http://./", "http://:80/",
		"http://shop.example:99999/", "http://shop.example:x/", "http://sh op.example/", "http://256.256.256.256/", "http://1.2.3.4.5/",
		"http://1..2/", "http://shop..example/", "http://.shop.example/", "http://shop.example../", "http://09/", "http://0x100000000/", "http://4294967296/", "http://1.2.3.0x100/", "http://[::1/", "http://[fe80::1%25eth0]/",
		"http://[127.0.0.1]/", "http://%zz/", "http://%00/", "http://shop%2fexample/", "http://a<b/",
	} {
		t.Run(raw, func(t *testing.T) {
			if got, err := fetch.Parse(raw); !fault.Is(err, fault.ImageForbidden) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	if _, err := fetch.Parse("http://shop.example/" + strings.Repeat("a", fetch.MaxAddress)); !fault.Is(err, fault.ImageForbidden) {
		t.Error(err)
	}
}

// FuzzParse checks that the result has a host and a scheme that are allowed, and that
// parsing it again gives the same.
func FuzzParse(f *testing.F) {
	for _, raw := range []string{"http://0x7f.1/", "https://ü.example:8/%zz?a b#c", `http:\\u@[::1]\a`, "HTTP:a..", "http://１２７.1", "http://a%2e"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := fetch.Parse(raw)
		if err != nil {
			return
		}
		if u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") || u.Fragment != "" {
			t.Errorf("%q became %q", raw, u)
		}
		again, err := fetch.Parse(u.String())
		if len(u.String()) <= fetch.MaxAddress && (err != nil || again.String() != u.String()) {
			t.Errorf("%q became %q, and that %v, %v", raw, u, again, err)
		}
	})
}
