package auth_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/fault"
)

const (
	classification = "credenza.v1.ClassificationService"
	jobs           = "credenza.v1.JobService"
	operations     = "credenza.v1.OperationsService"
)

func callers(t *testing.T) *auth.Authority {
	t.Helper()
	tokens, err := auth.ParseTokens("tokens.yaml", fmt.Appendf(nil, `
- {name: shop, sha256: %s, scopes: [classify]}
- {name: on-call.example, sha256: %s, scopes: [operate]}
- {name: import, sha256: %s, scopes: [classify], certificate: "spiffe://example.org/import"}
`, hashOf("shop-token"), hashOf("operator-token"), hashOf("import-token")))
	if err != nil {
		t.Fatal(err)
	}
	return auth.New(tokens)
}

func reason(err error) fault.Reason {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Reason
	}
	return 0
}

// shown is the state of a connection whose client has shown a certificate.
func shown(verified bool, common string, names ...string) *tls.ConnectionState {
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: common}, DNSNames: names, NotAfter: time.Now().Add(time.Hour)}
	for i, name := range names {
		if uri, err := url.Parse(name); err == nil && uri.Scheme != "" {
			leaf.DNSNames, leaf.URIs = slices.Delete(names, i, i+1), []*url.URL{uri}
			break
		}
	}
	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
	if verified {
		state.VerifiedChains = [][]*x509.Certificate{{leaf}}
	}
	return state
}

func TestIdentify_Certificate(t *testing.T) {
	const ok = fault.Reason(0)
	for _, tt := range []struct {
		name              string
		call              auth.Call
		id                string
		classify, operate fault.Reason
	}{
		{"common name", auth.Call{TLS: shown(true, "shop")}, "shop", ok, fault.PermissionDenied},
		{"alternative name", auth.Call{TLS: shown(true, "", "other", "on-call.example")}, "on-call.example", fault.PermissionDenied, ok},
		{"alternative name first", auth.Call{TLS: shown(true, "shop", "on-call.example")}, "on-call.example", fault.PermissionDenied, ok},
		{"a name that the file has not", auth.Call{TLS: shown(true, "shop2")}, "", fault.Unauthenticated, fault.Unauthenticated},
		{"a URI", auth.Call{TLS: shown(true, "", "spiffe://example.org/import")}, "import", ok, fault.PermissionDenied},
		{"another URI", auth.Call{TLS: shown(true, "import", "spiffe://example.org/imports")}, "", fault.Unauthenticated, fault.Unauthenticated},
		{"no name", auth.Call{TLS: shown(true, "")}, "", fault.Unauthenticated, fault.Unauthenticated},
		{"not verified", auth.Call{TLS: shown(false, "shop")}, "", fault.Unauthenticated, fault.Unauthenticated},
		{"TLS without certificate", auth.Call{TLS: &tls.ConnectionState{}}, "", fault.Unauthenticated, fault.Unauthenticated},
		{
			"a token counts more",
			auth.Call{TLS: shown(true, "shop"), Authorization: []string{"Bearer operator-token"}},
			"on-call.example", fault.PermissionDenied, ok,
		},
		{
			"a wrong token is not made good",
			auth.Call{TLS: shown(true, "shop"), Authorization: []string{"Bearer other"}},
			"", fault.Unauthenticated, fault.Unauthenticated,
		},
		{
			"a browser's, for a page of another origin",
			auth.Call{TLS: shown(true, "shop"), Page: auth.Page{CrossOrigin: true}},
			"", fault.Unauthenticated, fault.Unauthenticated,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := callers(t).Identify(tt.call)
			if got := i.Caller().ID; tt.id != "" && got != tt.id || tt.id == "" && got[:5] != "call:" {
				t.Errorf("the caller is %q", got)
			}
			if got := reason(i.May(classification)); got != tt.classify {
				t.Errorf("classify: %v", got)
			}
			if got := reason(i.May(operations)); got != tt.operate {
				t.Errorf("operate: %v", got)
			}
		})
	}
}

func TestIdentify_Owner(t *testing.T) {
	for header, want := range map[string]string{"Bearer shop-token": "{shop false}", "Bearer operator-token": "{on-call.example true}"} {
		if got := fmt.Sprint(callers(t).Identify(auth.Call{Authorization: []string{header}}).Owner()); got != want {
			t.Errorf("%s: %s", header, got)
		}
	}
	if got := fmt.Sprint(auth.New(nil).Identify(auth.Call{}).Owner()); got != "{ true}" {
		t.Errorf("without tokens: %s", got)
	}
}

func TestRequestsOfClassifications(t *testing.T) {
	for _, tt := range []struct {
		header, id string
		want       fault.Reason
		known      bool
	}{
		{"Bearer shop-token", "shop", 0, true},
		{"Bearer operator-token", "on-call.example", fault.PermissionDenied, true},
		{"", "", fault.Unauthenticated, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/classify-category", nil)
		if tt.header != "" {
			r.Header.Set("Authorization", tt.header)
		}
		authority := callers(t)
		caller, err := authority.Caller(r)
		if tt.id != "" && caller.ID != tt.id || caller.ID == "" || reason(err) != tt.want {
			t.Errorf("%q: %+v, %v", tt.header, caller, err)
		}
		if _, known := authority.Share(r); known != tt.known {
			t.Errorf("%q: known is %v", tt.header, known)
		}
	}
}

func TestUnknownServicesAreClosed(t *testing.T) {
	for _, authority := range []*auth.Authority{auth.New(nil), callers(t)} {
		i := authority.Identify(auth.Call{Authorization: []string{"Bearer shop-token"}})
		if got := reason(i.May("credenza.v1.OtherService")); got != fault.PermissionDenied {
			t.Errorf("got %v", got)
		}
	}
	if err := new(auth.Identity).May(jobs); err == nil {
		t.Error("an identity that no authority made may call")
	}
}

// Connections of a socket have no addresses of their own to be told apart by.
func TestNameConnections(t *testing.T) {
	path := t.TempDir() + "/s"
	inner, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l := auth.NameConnections(inner)
	defer l.Close()
	seen := map[string]bool{}
	for range 2 {
		dialled, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer dialled.Close()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		i := auth.New(nil).Identify(auth.Call{Local: conn.LocalAddr(), Remote: conn.RemoteAddr()})
		if err := i.May(operations); err != nil {
			t.Error(err)
		}
		share, known := i.Share()
		if !known || share != i.Caller().Connection {
			t.Errorf("share %q, %v", share, known)
		}
		seen[share] = true
	}
	if len(seen) != 2 {
		t.Errorf("two connections have the shares %v", seen)
	}
}
