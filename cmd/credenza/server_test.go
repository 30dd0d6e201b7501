package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// service starts a service with the given flags and returns its address.
func service(t *testing.T, flags ...string) string {
	t.Helper()
	var config app.Config
	parser, err := kong.New(&config)
	if err != nil {
		t.Fatal(err)
	}
	flags = append([]string{"--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0"}, flags...)
	if _, err := parser.Parse(flags); err != nil {
		t.Fatal(err)
	}
	a, err := app.Start(t.Context(), config, app.Options{LogTo: io.Discard, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return a.GRPCAddr()
}

func TestClassifyOnAServer(t *testing.T) {
	got := credenzaWith(t, twoRows, "classify", "-", "--server", service(t))
	got.expect(t, exitOK, "2 items classified")
	if n := len(answers(t, got.out)); n != 2 {
		t.Errorf("%d results", n)
	}
}

func TestSettingsOfAServiceWithinTheProcessAreNotAServers(t *testing.T) {
	t.Setenv("CREDENZA_BACKEND", "openai") // without a key
	credenzaWith(t, twoRows, "classify", "-").expect(t, exitFailed, "CREDENZA_BACKEND is openai")
	address := service(t, "--backend=offline")
	credenzaWith(t, twoRows, "classify", "-", "--server", address).expect(t, exitOK, "2 items classified")
}

func TestFlagsWithoutEffect(t *testing.T) {
	address := service(t, "--backend=offline")
	for line, want := range map[string]string{
		"--server=" + address + " --openai-model=m": "--openai-model is for the service within this program: it has no effect with the one at " + address,
		"--server=" + address + " -v":               "--verbose is for the service within this program: it has no effect with the one at " + address,
		"--server=" + address + " --plaintext":      "",
		"--image-max-bytes=9 --server=" + address:   "",
		"--server=" + address:                       "",
		"--tls-ca=ca.pem":                           "--tls-ca is for --server: it has no effect without it",
		"--seed=2 --seed=3":                         "--seed is for --sample: it has no effect without it",
		"--openai-model=m --backend=offline":        "",
	} {
		got := credenzaWith(t, twoRows, append([]string{"classify", "-"}, strings.Fields(line)...)...)
		got.expect(t, exitOK, "2 items classified")
		if want != "" {
			want = "credenza: " + want + "\n"
		}
		if n := strings.Count(got.err, "no effect"); !strings.Contains(got.err, want) || n != strings.Count(want, "\n") {
			t.Errorf("%s: got %q, want %q", line, got.err, want)
		}
	}
	file := write(t, "in.csv", twoRows)
	for _, flag := range []string{"--taxonomy=../../internal/taxonomy/furniture.yaml", "--openai-model=m"} {
		got := credenzaWith(t, "", "classify", file, "--dry-run", "--server="+address, flag)
		got.expect(t, exitOK, "")
		if has := strings.Contains(got.err, "no effect"); has != strings.HasPrefix(flag, "--openai") || !strings.Contains(got.out, "tokens    about") {
			t.Errorf("%s: got %q, %q", flag, got.out, got.err)
		}
	}
	t.Setenv("CREDENZA_SERVER", address)
	t.Setenv("OPENAI_MODEL", "m")
	if got := credenzaWith(t, twoRows, "classify", "-"); strings.Contains(got.err, "no effect") {
		t.Errorf("of variables it says %q", got.err)
	}
}

func TestServerIsNoAddressOfHTTP(t *testing.T) {
	for _, command := range []string{"classify -", "jobs list"} {
		got := credenzaWith(t, twoRows, append(strings.Fields(command), "--server=http://localhost:50051")...)
		got.expect(t, exitFailed, `credenza: --server is "http://localhost:50051": give the address of gRPC as HOST:PORT, such as 127.0.0.1:50051`)
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	address := testkit.ReservePort(t).Address
	for _, command := range []string{"classify", "eval"} {
		got := credenzaWith(t, "name,label\nOak chair,CHAIR\n", command, "-", "--server", address)
		got.expect(t, exitFailed, "credenza: "+address+" cannot be reached: is the service running there")
	}
}

func TestClassify_ReportsAFailedCallWhileTheInputIsSilent(t *testing.T) {
	in, pipe := io.Pipe()
	var notes bytes.Buffer
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		_, _ = io.WriteString(pipe, "name\nOak chair\n") // and then nothing, neither rows nor an end
	}()
	args := []string{"classify", "-", "--server", service(t), "--model=nobody"}
	code := run(t.Context(), args, streams{in: in, out: io.Discard, err: &notes})
	outcome{code, "", notes.String()}.expect(t, exitFailed, "this model is not served")
	<-fed
	_ = pipe.Close()
}

func TestServerThatRefusesTheCall(t *testing.T) {
	got := credenzaWith(t, twoRows, "classify", "-", "--server", service(t), "--model=nobody")
	got.expect(t, exitFailed, "this model is not served")
}

func TestTokens(t *testing.T) {
	const token = "open-sesame-123456"
	tokens := fmt.Sprintf("- name: shop\n  sha256: %x\n  scopes: [classify]\n", sha256.Sum256([]byte(token)))
	address := service(t, "--token-file="+write(t, "tokens.yaml", tokens))
	classify := func(args ...string) outcome {
		got := credenzaWith(t, twoRows, append([]string{"classify", "-", "--server", address}, args...)...)
		if strings.Contains(got.out+got.err, token) {
			t.Errorf("the token is shown: %s", got.err)
		}
		return got
	}
	classify().expect(t, exitFailed, "UNAUTHENTICATED")
	classify("--server-token-file", write(t, "token", token+"\n")).expect(t, exitOK, "2 items classified")
	classify("--server-token-file", write(t, "token", "wrong")).expect(t, exitFailed, "UNAUTHENTICATED")
	classify("--server-token-file", write(t, "token", "\n")).expect(t, exitFailed, "is empty")
	classify("--server-token-file", "/nowhere").expect(t, exitFailed, "the token cannot be read")
	t.Setenv(tokenVariable, token)
	classify().expect(t, exitOK, "2 items classified")
}

func TestToken_IsNotSentWithoutTLS(t *testing.T) {
	t.Setenv(tokenVariable, "open-sesame-123456")
	got := credenzaWith(t, twoRows, "classify", "-", "--server=192.0.2.1:50051", "--plaintext")
	got.expect(t, exitFailed, "the token would be sent without TLS to 192.0.2.1:50051")
}

func TestTLS(t *testing.T) {
	issued := testkit.Issue(t, "test", nil)
	cert, key := issued.CertFile, issued.KeyFile
	address := service(t, "--tls-cert="+cert, "--tls-key="+key)
	classify := func(args ...string) outcome {
		return credenzaWith(t, twoRows, append([]string{"classify", "-", "--server", address}, args...)...)
	}
	classify("--tls-ca="+cert).expect(t, exitOK, "2 items classified")
	classify("--plaintext").expect(t, exitFailed, "cannot be reached")
	classify("--plaintext", "--tls-ca="+cert).expect(t, exitFailed, "exclude each other")
	classify("--tls-ca="+key).expect(t, exitFailed, "has no certificate in PEM")
	classify("--tls-ca=/nowhere").expect(t, exitFailed, "certificate cannot be read")
}

func TestClassifyOnASocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := service(t, "--backend=offline", "--grpc-addr=unix://"+dir+"/grpc")
	if address != "unix://"+dir+"/grpc" {
		t.Errorf("the address is %s", address)
	}
	credenzaWith(t, twoRows, "classify", "-", "--server", address).expect(t, exitOK, "2 items classified")
}

func TestIsLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"localhost:1": true, "127.0.0.1:1": true, "127.9.9.9": true, "[::1]:1": true, "::1": true, "unix:/run/c": true,
		"[::ffff:127.0.0.1]:1": true, "10.0.0.1:1": false, "example.com:1": false, "localhost.example:1": false, "": false,
	} {
		if got := isLoopback(address); got != want {
			t.Errorf("%q: got %v", address, got)
		}
	}
}
