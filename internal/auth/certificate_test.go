package auth_test

import (
	"net"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/auth"
)

func TestCertificate_ThatExpiresOrHasAnAddress(t *testing.T) {
	tokens, err := auth.ParseTokens("tokens", []byte("[{name: 192.0.2.7, sha256: de4c6f3bcba7d2fbbcfd26b4f391f3b4ab2550887d91d4ce078442f43e43a23c, scopes: [classify]}]"))
	if err != nil {
		t.Fatal(err)
	}
	authority, state := auth.New(tokens), shown(true, "somebody")
	leaf := state.VerifiedChains[0][0]
	may := func() error {
		return authority.Identify(auth.Call{TLS: state}).May("credenza.v1.ClassificationService")
	}
	if may() == nil {
		t.Error("a certificate without the caller's name was accepted")
	}
	leaf.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 7)}
	if err := may(); err != nil {
		t.Error("an address of the certificate is the caller's name: ", err)
	}
	leaf.NotAfter = time.Now().Add(-time.Second)
	if may() == nil {
		t.Error("a certificate that expired on its connection was accepted")
	}
}
