// Package check holds the tests of the files in deploy: that each is what its reader
// accepts, and that the program runs as they say. `make check-deploy` runs them.
package check

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	random "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// file returns the content of a file in deploy.
func file(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// program returns the path of the program that CREDENZA names.
func program(t *testing.T) string {
	t.Helper()
	path := os.Getenv("CREDENZA")
	if path == "" {
		t.Fatal("CREDENZA names no program: run make check-deploy")
	}
	return path
}

// needs skips a test that needs a program which is not installed.
func needs(t *testing.T, name, debianPackage string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("NOT CHECKED: %s is not here: install Debian's package %s", name, debianPackage)
	}
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT CHECKED: only root can do this")
	}
}

// shell runs a program to its end and returns what it printed.
func shell(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// userID is the user of the image and the pods.
const userID = 65532

// process is a started program.
type process struct {
	cmd   *exec.Cmd
	log   *buffer
	ended chan struct{}
}

// start starts a program, which is killed at the end of the test.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, log: &buffer{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// stop ends a program as containers and units are ended, and checks its exit code.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.ended
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d after SIGTERM:\n%s", code, p.log)
	}
}

// await waits until the log of a program has a text.
func (p *process) await(t *testing.T, text string) {
	t.Helper()
	for range 600 {
		if strings.Contains(p.log.String(), text) {
			return
		}
		select {
		case <-p.ended:
			t.Fatalf("it ended:\n%s", p.log)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("no %q in its log:\n%s", text, p.log)
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// freePort returns a port that is free, and stays so until a program listens there: it is
// below those that systems give to connections.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		port := strconv.Itoa(15_000 + random.IntN(15_000))
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", ":"+port)
		if err != nil {
			continue // taken
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
}

// container is a folder that is the root of a program, as an image is, and its user
// and environment.
type container struct {
	root string
	env  []string
}

// newContainer makes the root of the image with stand-ins for what the engine mounts.
func newContainer(t *testing.T) *container {
	t.Helper()
	root, err := os.MkdirTemp("", "credenza-check-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	c := &container{root: root}
	content, err := os.ReadFile(program(t))
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, "/credenza", content, 0o755, 0)
	for _, folder := range []string{"/data", "/tmp"} {
		if err := os.Mkdir(root+folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(root+folder, userID, userID); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// write puts a file of root's and of a group into the container.
func (c *container) write(t *testing.T, path string, content []byte, mode os.FileMode, group int) {
	t.Helper()
	path = c.root + path
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	if err := os.Chown(path, 0, group); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(c.root, 0o755); err != nil {
		t.Fatal(err)
	}
}

// command returns a program in the container, as its user.
func (c *container) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = "/"
	cmd.Env = c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot: c.root, Credential: &syscall.Credential{Uid: userID, Gid: userID, Groups: []uint32{}},
	}
	return cmd
}

// ownerOf returns the user that a file belongs to.
func ownerOf(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Uid
}

// certificate returns a certificate for names that signed itself, and its key, in PEM.
func certificate(t *testing.T, names ...string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
}

// assignments returns settings as a process takes them.
func assignments(settings map[string]string) (env []string) {
	for name, value := range settings {
		env = append(env, fmt.Sprintf("%s=%s", name, value))
	}
	return env
}
