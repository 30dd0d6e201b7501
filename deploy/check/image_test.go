package check

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/opencontainers/go-digest"
)

const dockerfile = "docker/Dockerfile"

// noRegistry answers for each base image with an empty one.
type noRegistry struct{}

// ResolveImageConfig returns the configuration of an empty image.
func (noRegistry) ResolveImageConfig(_ context.Context, name string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return name, digest.FromString(name), []byte(`{"architecture":"amd64","os":"linux","config":{}}`), nil
}

// TestDockerfile_IsLinted applies the rules of `docker build --check`.
func TestDockerfile_IsLinted(t *testing.T) {
	content := file(t, dockerfile)
	platform := platforms.DefaultSpec()
	source := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", content)
	source.Definition = &llb.Definition{}
	results, err := dockerfile2llb.DockerfileLint(t.Context(), content, dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{}, TargetPlatform: &platform, MetaResolver: noRegistry{}, SourceMap: source,
	})
	if err != nil {
		t.Fatal(err)
	}
	if results.Error != nil {
		t.Errorf("it cannot be built: %s", results.Error.Message)
	}
	for _, w := range results.Warnings {
		t.Errorf("%s: %s (%v)", w.RuleName, w.Detail, w.Location.GetRanges())
	}
}

// imageSettings are what the last stage of the Dockerfile sets.
type imageSettings struct {
	base, user  string
	env         map[string]string
	ports       []string
	health      []string
	entry, args []string
}

func readDockerfile(t *testing.T) (s imageSettings) {
	t.Helper()
	parsed, err := parser.Parse(strings.NewReader(string(file(t, dockerfile))))
	if err != nil {
		t.Fatal(err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	last := stages[len(stages)-1]
	s.base, s.env = last.BaseName, map[string]string{}
	for _, command := range last.Commands {
		switch c := command.(type) {
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				s.env[pair.Key] = pair.Value
			}
		case *instructions.UserCommand:
			s.user = c.User
		case *instructions.ExposeCommand:
			s.ports = c.Ports
		case *instructions.HealthCheckCommand:
			s.health = c.Health.Test
		case *instructions.EntrypointCommand:
			s.entry = c.CmdLine
		case *instructions.CmdCommand:
			s.args = c.CmdLine
		}
	}
	return s
}

func TestImage_IsEmptyAndNotRoots(t *testing.T) {
	s := readDockerfile(t)
	if s.base != "scratch" || s.user != "65532:65532" || len(s.health) != 3 || s.health[0] != "CMD" || len(s.ports) != 2 {
		t.Errorf("got %+v", s)
	}
}

// TestImage_Runs starts the program as the image does: in a root that has nothing else, as a
// user without rights, with the image's settings and health check.
func TestImage_Runs(t *testing.T) {
	needsRoot(t)
	s := readDockerfile(t)
	c := newContainer(t)
	s.env["CREDENZA_GRPC_ADDR"], s.env["CREDENZA_HTTP_ADDR"] = ":"+freePort(t), ":"+freePort(t)
	c.env = assignments(s.env)
	refused := start(t, c.command(t.Context(), append(s.entry, s.args...)...))
	<-refused.ended
	if !strings.Contains(refused.log.String(), "say --insecure") {
		t.Errorf("it started in plain text on all addresses:\n%s", refused.log)
	}

	c.env = append(c.env, "CREDENZA_INSECURE=true")
	healthy := func() error { return c.command(t.Context(), s.health[1:]...).Run() }
	if healthy() == nil {
		t.Error("it is healthy before it was started")
	}
	p := start(t, c.command(t.Context(), append(s.entry, s.args...)...))
	p.await(t, `"serving"`)
	if err := healthy(); err != nil {
		t.Errorf("it is not healthy: %v\n%s", err, p.log)
	}
	if stored, err := os.ReadDir(c.root + "/data"); err != nil || len(stored) == 0 {
		t.Errorf("nothing is kept in /data: %v", err)
	}
	p.stop(t)
}

// TestImage_IsBuilt builds the last stage, with what the first one would have made.
func TestImage_IsBuilt(t *testing.T) {
	needs(t, "buildah", "buildah")
	needsRoot(t)
	made := t.TempDir()
	content, err := os.ReadFile(program(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.MkdirAll(made+"/out/data", 0o755), os.MkdirAll(made+"/out/tmp", 0o755),
		os.WriteFile(made+"/out/credenza", content, 0o755),
		os.WriteFile(made+"/out/ca-certificates.crt", []byte("authorities"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, last, found := strings.Cut(string(file(t, dockerfile)), "\nFROM scratch\n")
	if !found {
		t.Fatal("no stage begins with scratch")
	}
	// Without the first stage, whose base is in a registry: a folder takes its place.
	stage := filepath.Join(made, "Dockerfile")
	if err := os.WriteFile(stage, []byte("FROM scratch\n"+strings.ReplaceAll(last, "--from=build ", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	store := []string{"--root=" + t.TempDir(), "--runroot=" + t.TempDir(), "--storage-driver=vfs"}
	buildah := func(args ...string) string { return shell(t, "buildah", append(store, args...)...) }
	buildah("build", "--isolation=chroot", "--format=docker", "--build-arg=VERSION=1.2.3", "-t", "credenza:check", "-f", stage, made)
	described := buildah("inspect", "--type=image", "credenza:check")
	for _, want := range []string{`"65532:65532"`, `"/credenza"`, `"health"`, `"CREDENZA_DATA_DIR=/data"`, `"org.opencontainers.image.version": "1.2.3"`} {
		if !strings.Contains(described, want) {
			t.Errorf("the image has no %s", want)
		}
	}
	id := strings.TrimSpace(buildah("from", "credenza:check"))
	root := strings.TrimSpace(buildah("mount", id))
	runBuilt(t, root)
	buildah("umount", id)
	buildah("rm", id)
}

// runBuilt starts the program in the root of the image that was built.
func runBuilt(t *testing.T, root string) {
	t.Helper()
	for path, owner := range map[string]uint32{"/data": userID, "/tmp": userID, "/credenza": 0, "/etc/ssl/certs/ca-certificates.crt": 0} {
		if got := ownerOf(t, root+path); got != owner {
			t.Errorf("%s is owned by %d", path, got)
		}
	}
	s := readDockerfile(t)
	s.env["CREDENZA_GRPC_ADDR"], s.env["CREDENZA_HTTP_ADDR"] = ":"+freePort(t), ":"+freePort(t)
	c := &container{root: root, env: append(assignments(s.env), "CREDENZA_INSECURE=true")}
	p := start(t, c.command(t.Context(), append(s.entry, s.args...)...))
	p.await(t, `"serving"`)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if out, err := c.command(ctx, s.health[1:]...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	p.stop(t)
}

// TestImage_IsBuiltFromSourceAlone holds that no file of a developer gets into the build.
func TestImage_IsBuiltFromSourceAlone(t *testing.T) {
	lines := strings.Split(string(file(t, "../.dockerignore")), "\n")
	if len(lines) < 2 || lines[1] != "*" {
		t.Error("the image would get files that hold keys or data")
	}
}
