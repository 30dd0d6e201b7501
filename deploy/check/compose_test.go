package check

import (
	"os"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func readCompose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../docker/compose.yaml"}, cli.WithEnv([]string{"OPENAI_API_KEY=sk-check", "VERSION=1.2.3"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// TestCompose_IsRead reads the file as `docker compose` does: with its schema, names without
// a value, and paths.
func TestCompose_IsRead(t *testing.T) {
	project := readCompose(t)
	if len(project.Services) != 3 {
		t.Errorf("it has %d services", len(project.Services))
	}
	for name, service := range project.Services {
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s to other machines in plain text", name, port.Published)
			}
		}
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(volume.Source); err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
		if build := service.Build; build != nil {
			if _, err := os.Stat(build.Context + "/" + build.Dockerfile); err != nil {
				t.Error(err)
			}
		}
	}
	credenza := project.Services["credenza"]
	if key := credenza.Environment["OPENAI_API_KEY"]; key == nil || *key != "sk-check" {
		t.Error("the key is not passed on")
	}
	if base, set := credenza.Environment["OPENAI_BASE_URL"]; set && base != nil {
		t.Error("a variable that is not set is passed on as an empty one")
	}
}

// TestCompose_Runs starts the program with the settings of the file on top of the image's.
func TestCompose_Runs(t *testing.T) {
	needsRoot(t)
	c := newContainer(t)
	settings := readDockerfile(t).env
	for name, value := range readCompose(t).Services["credenza"].Environment {
		if value != nil && name != "OPENAI_API_KEY" {
			settings[name] = *value
		}
	}
	settings["CREDENZA_GRPC_ADDR"], settings["CREDENZA_HTTP_ADDR"] = ":"+freePort(t), ":"+freePort(t)
	c.env = assignments(settings)
	p := start(t, c.command(t.Context(), "/credenza", "serve"))
	p.await(t, `"serving"`)
	if strings.Contains(p.log.String(), "not a setting") {
		t.Errorf("a variable is no setting:\n%s", p.log)
	}
	p.stop(t)
}
