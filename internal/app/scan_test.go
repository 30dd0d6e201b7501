package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// openPaths need no token and no certificate: what the service is, how it is, and the
// files of its page.
var openPaths = []string{
	"/{$}", "/health", "/health/{$}", "/metrics", "/healthz", "/readyz", "/",
	"/ui", "/ui/{$}", "/ui/{file}", "/ui/{folder}/{file}",
}

// openService needs none either.
const openService = "grpc.health.v1.Health"

// hashOf is a token as the file has it.
func hashOf(token string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(token))) }

// withToken is what a call with a token has.
func withToken(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// methods returns the full names of all methods that reflection lists.
func methods(t *testing.T, conn *grpc.ClientConn, token string) (all []string) {
	t.Helper()
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(withToken(t.Context(), token))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.CloseSend()
	for _, s := range answer.GetListServicesResponse().GetService() {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(s.GetName()))
		service, ok := found.(protoreflect.ServiceDescriptor)
		if err != nil || !ok {
			t.Fatalf("%s: %v", s.GetName(), err)
		}
		for i := range service.Methods().Len() {
			all = append(all, "/"+s.GetName()+"/"+string(service.Methods().Get(i).Name()))
		}
	}
	if len(all) < 15 {
		t.Fatalf("reflection lists %v alone", all)
	}
	return all
}

// callAny calls a method of any kind with an empty message, and returns how it ends.
func callAny(ctx context.Context, conn *grpc.ClientConn, method string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(&emptypb.Empty{}); err == nil {
		_ = stream.CloseSend()
	}
	return stream.RecvMsg(&emptypb.Empty{})
}

// request is a way to call a path over HTTP.
type request struct{ method, query, media, body string }

const noMessage = "\x00\x00\x00\x00\x00"

// requests are the ways to call an RPC, in all protocols.
var requests = []request{
	{http.MethodPost, "", "application/json", "{}"},
	{http.MethodPost, "", "application/proto", ""},
	{http.MethodGet, "?connect=v1&encoding=json&message=%7B%7D", "", ""},
	{http.MethodPost, "", "application/connect+json", "\x00\x00\x00\x00\x02{}"},
	{http.MethodPost, "", "application/connect+proto", noMessage},
	{http.MethodPost, "", "application/grpc-web+proto", noMessage},
	{http.MethodPost, "", "application/grpc", noMessage},
}

// over sends a request. It reports whether it is refused for lack of a caller, whether it
// is refused for its form, and what was answered.
func over(t *testing.T, client *http.Client, url string, r request, token string) (refused, misfit bool, said string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, url+r.query, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	if r.media != "" {
		req.Header.Set("Content-Type", r.media)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(req)
	if err != nil {
		return true, false, err.Error() // TLS did
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(res.Body)
	said = fmt.Sprintf("%d %.200s %v", res.StatusCode, text, res.Trailer)
	refused = res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden || strings.Contains(said, `"unauthenticated"`) ||
		res.Header.Get("Grpc-Status") == "16" || res.Trailer.Get("Grpc-Status") == "16"
	misfit = res.StatusCode == http.StatusUnsupportedMediaType || res.StatusCode == http.StatusMethodNotAllowed
	return refused, misfit, said
}

// scan calls everything in every way, and fails the test for each that is not refused.
func scan(t *testing.T, a *app.App, rpcs []string, conn *grpc.ClientConn, client *http.Client, scheme, token string, code codes.Code) {
	t.Helper()
	address := scheme + a.HTTPAddr()
	for _, method := range rpcs {
		if strings.HasPrefix(method, "/"+openService+"/") {
			continue
		}
		if err := callAny(withToken(t.Context(), token), conn, method); status.Code(err) != code {
			t.Errorf("%s over gRPC: %v", method, err)
		}
		n := 0
		for _, r := range requests {
			refused, misfit, said := over(t, client, address+method, r, token)
			if !refused && !misfit {
				t.Errorf("%s over HTTP as %s %s: %s", method, r.method, r.media, said)
			}
			if refused {
				n++
			}
		}
		if n < 4 { // a unary method as JSON, protobuf, gRPC-Web and gRPC, a stream as two of Connect in their place
			t.Errorf("%s over HTTP was refused in %d ways alone: no other one was scanned", method, n)
		}
	}
	for _, path := range a.HTTPPaths() {
		if slices.Contains(openPaths, path) || path == "/{service}/{method}" { // which are the RPCs
			continue
		}
		get, post := request{method: http.MethodGet}, request{http.MethodPost, "", "application/json", `{"data":[{"name":"a"}],"toggle":1}`}
		byGet, noGet, saidGet := over(t, client, address+strings.TrimSuffix(path, "{$}"), get, token)
		byPost, noPost, saidPost := over(t, client, address+strings.TrimSuffix(path, "{$}"), post, token)
		if !byGet && !noGet || !byPost && !noPost || noGet && noPost {
			t.Errorf("%s: %s by GET, %s by POST", path, saidGet, saidPost)
		}
	}
}

const taxonomyMethod = "/credenza.v1.ClassificationService/GetTaxonomy"

// awaitRefusal waits until a caller is refused that was revoked: the file is looked at each
// second.
func awaitRefusal(t *testing.T, conn *grpc.ClientConn, token string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); callAny(withToken(t.Context(), token), conn, taxonomyMethod) == nil && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
}

func TestScan_BadTokensOpenNothing(t *testing.T) {
	file := t.TempDir() + "/tokens.yaml"
	known := "- {name: all, sha256: " + hashOf("known") + ", scopes: [classify, operate]}\n"
	tokens := map[string]string{"missing": "", "wrong": "wrong"}
	content := known
	old := "- {name: old, sha256: " + hashOf("old") + ", scopes: [classify, operate], expires: 2020-01-01T00:00:00Z}\n"
	if _, err := auth.ParseTokens("tokens", []byte(old)); err == nil { // access can expire, and be revoked
		tokens["expired"], tokens["revoked"] = "old", "revoked"
		content += old + "- {name: gone, sha256: " + hashOf("revoked") + ", scopes: [classify, operate]}\n"
	}
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(content)
	a, err := app.Start(t.Context(), settings(t, "--backend=offline", "--token-file="+file, "--data-dir="+t.TempDir()), app.Options{LogTo: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close(context.Background()) }()
	conn, err := grpc.NewClient(a.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	rpcs := methods(t, conn, "known")
	if tokens["revoked"] != "" {
		if err := callAny(withToken(t.Context(), "revoked"), conn, taxonomyMethod); err != nil {
			t.Fatal(err)
		}
		write(known + old)
		awaitRefusal(t, conn, "revoked")
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true) // which feeds need
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	defer client.CloseIdleConnections()
	for name, token := range tokens {
		t.Run(name, func(t *testing.T) { scan(t, a, rpcs, conn, client, "http://", token, codes.Unauthenticated) })
	}
}

// expired is a client certificate of an authority whose time is over.
func expired(t *testing.T, authority *testkit.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "caller"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, authority.Leaf, &key.PublicKey, authority.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// showing returns clients of a service that show a certificate.
func showing(t *testing.T, a *app.App, server *testkit.Certificate, shown *tls.Certificate) (*grpc.ClientConn, *http.Client) {
	t.Helper()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Leaf)
	config := &tls.Config{RootCAs: trusted, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown, nil }}
	conn, err := grpc.NewClient(a.GRPCAddr(), grpc.WithTransportCredentials(credentials.NewTLS(config.Clone())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: config.Clone()}
	t.Cleanup(transport.CloseIdleConnections)
	return conn, &http.Client{Transport: transport}
}

func TestScan_BadCertificatesOpenNothing(t *testing.T) {
	server, authority, stranger := testkit.Issue(t, "server", nil), testkit.Issue(t, "authority", nil), testkit.Issue(t, "stranger", nil)
	caller := testkit.Issue(t, "caller", authority)
	a, err := app.Start(t.Context(), settings(t, "--backend=offline", "--data-dir="+t.TempDir(), "--tls-cert="+server.CertFile, "--tls-key="+server.KeyFile,
		"--tls-client-ca="+authority.CertFile), app.Options{LogTo: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close(context.Background()) }()
	conn, _ := showing(t, a, server, &caller.Certificate)
	rpcs := methods(t, conn, "")
	for name, shown := range map[string]*tls.Certificate{"missing": {}, "wrong": &stranger.Certificate, "expired": expired(t, authority)} {
		t.Run(name, func(t *testing.T) {
			conn, client := showing(t, a, server, shown)
			scan(t, a, rpcs, conn, client, "https://", "", codes.Unavailable)
		})
	}
}

// With a token file, a certificate of the authority opens nothing by itself: the file has
// to name its caller.
func TestScan_CertificatesOfNoCallerOpenNothing(t *testing.T) {
	server, authority := testkit.Issue(t, "server", nil), testkit.Issue(t, "authority", nil)
	entryOf := func(name, more string) string {
		return "- {name: " + name + ", sha256: " + hashOf(name) + ", scopes: [classify, operate]" + more + "}\n"
	}
	known := entryOf("all", "") + entryOf("old", ", expires: 2020-01-01T00:00:00Z")
	tokens := newTokenFile(t, known+entryOf("gone", ""))
	a, err := app.Start(t.Context(), settings(t, "--backend=offline", "--data-dir="+t.TempDir(), "--tls-cert="+server.CertFile, "--tls-key="+server.KeyFile,
		"--tls-client-ca="+authority.CertFile, "--token-file="+tokens.path), app.Options{LogTo: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close(context.Background()) }()
	conn, _ := showing(t, a, server, &testkit.Issue(t, "all", authority).Certificate)
	rpcs := methods(t, conn, "")
	gone, goneHTTP := showing(t, a, server, &testkit.Issue(t, "gone", authority).Certificate)
	if err := callAny(t.Context(), gone, taxonomyMethod); err != nil {
		t.Fatal(err)
	}
	tokens.write(known)
	awaitRefusal(t, gone, "")
	t.Run("revoked", func(t *testing.T) { scan(t, a, rpcs, gone, goneHTTP, "https://", "", codes.Unauthenticated) })
	for caller, name := range map[string]string{"old": "expired", "stranger": "not in the file"} {
		t.Run(name, func(t *testing.T) {
			conn, client := showing(t, a, server, &testkit.Issue(t, caller, authority).Certificate)
			scan(t, a, rpcs, conn, client, "https://", "", codes.Unauthenticated)
		})
	}
}
