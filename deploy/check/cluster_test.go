package check

import (
	"crypto/tls"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// password is one that the configuration of NATS would read as a number.
const password = "7012345678901234"

// secrets are the values of what the manifests expect to be there.
var secrets = map[string]map[string]string{
	"credenza":      {"OPENAI_API_KEY": "sk-check"},
	"credenza-nats": {"password": password},
}

// environment returns the environment of a pod's container, as a node makes it.
func environment(t *testing.T, c *cluster, pod string, container *corev1.Container) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, from := range container.EnvFrom {
		switch {
		case from.ConfigMapRef != nil:
			maps.Copy(env, c.configMaps[from.ConfigMapRef.Name].Data)
		case from.SecretRef != nil:
			maps.Copy(env, secrets[from.SecretRef.Name])
		}
	}
	for _, v := range container.Env {
		value := v.Value
		if from := v.ValueFrom; from != nil {
			switch {
			case from.SecretKeyRef != nil:
				value = secrets[from.SecretKeyRef.Name][from.SecretKeyRef.Key]
			case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.name":
				value = pod
			default:
				t.Fatalf("%s comes from an unknown place", v.Name)
			}
		}
		for name, other := range env {
			value = strings.ReplaceAll(value, "$("+name+")", other)
		}
		env[v.Name] = value
	}
	return env
}

// TestPods_ServeTogether runs three servers of NATS and the service as the manifests say: their
// settings, files and modes, in an empty root, with addresses of this machine for those of the cluster.
func TestPods_ServeTogether(t *testing.T) {
	needsRoot(t)
	c := render(t)
	nats := startNATS(t, c)
	pod := c.deployments["credenza"].Spec.Template.Spec
	env := environment(t, c, "credenza-0", &pod.Containers[0])
	image := readDockerfile(t).env
	maps.Copy(image, env)
	image["CREDENZA_NATS_URL"] = strings.Replace(env["CREDENZA_NATS_URL"], "nats:4222", nats, 1)
	port := freePort(t)
	image["CREDENZA_GRPC_ADDR"], image["CREDENZA_HTTP_ADDR"] = ":"+freePort(t), ":"+port

	root := newContainer(t)
	root.env = assignments(image)
	if err := os.Remove(root.root + "/data"); err != nil { // a pod has none
		t.Fatal(err)
	}
	cert, key := certificate(t, "credenza.credenza.svc")
	files := map[string]map[string][]byte{
		"credenza-tls": {"tls.crt": cert, "tls.key": key},
		"credenza-tokens": {
			"tokens.yaml": []byte("- name: shop\n  sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\n  scopes: [classify]\n"),
		},
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		for _, volume := range pod.Volumes {
			if volume.Name == mount.Name && volume.Secret != nil {
				for name, content := range files[volume.Secret.SecretName] {
					root.write(t, mount.MountPath+"/"+name, content, os.FileMode(*volume.Secret.DefaultMode), userID)
				}
			}
		}
	}
	p := start(t, root.command(t.Context(), "/credenza", "serve"))
	p.await(t, `"serving"`)
	if log := p.log.String(); strings.Contains(log, "not a setting") || !strings.Contains(log, "in a NATS cluster") {
		t.Errorf("the settings are not what they should be:\n%s", log)
	}
	for _, probe := range []*corev1.Probe{pod.Containers[0].StartupProbe, pod.Containers[0].LivenessProbe, pod.Containers[0].ReadinessProbe} {
		checkProbe(t, strings.ToLower(string(probe.HTTPGet.Scheme))+"://127.0.0.1:"+port+probe.HTTPGet.Path)
	}
	if out, err := root.command(t.Context(), "/credenza", "health").CombinedOutput(); err != nil {
		t.Errorf("health: %v: %s", err, out)
	}
	p.stop(t)
	if strings.Contains(p.log.String(), password) {
		t.Error("the password of NATS is in the log")
	}
}

// startNATS starts the servers of the manifests and returns the address of one. They must
// become ready.
func startNATS(t *testing.T, c *cluster) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "nats-server")
	shell(t, "go", "build", "-o", bin, "github.com/nats-io/nats-server/v2")
	set := c.statefulSets["nats"]
	container := &set.Spec.Template.Spec.Containers[0]
	config := c.configMaps["nats"].Data["nats.conf"]
	servers := []string{"nats-0", "nats-1", "nats-2"}
	places := map[string]map[string]string{}
	for _, name := range servers {
		places[name] = map[string]string{"client": freePort(t), "cluster": freePort(t), "monitor": freePort(t)}
	}
	var started []*process
	here := strings.NewReplacer(
		"nats-0.nats:6222", "127.0.0.1:"+places["nats-0"]["cluster"], "nats-1.nats:6222", "127.0.0.1:"+places["nats-1"]["cluster"],
		"nats-2.nats:6222", "127.0.0.1:"+places["nats-2"]["cluster"],
	)
	for _, name := range servers {
		folder := t.TempDir()
		text := strings.NewReplacer(
			"0.0.0.0:4222", "127.0.0.1:"+places[name]["client"], "0.0.0.0:6222", "127.0.0.1:"+places[name]["cluster"],
			"0.0.0.0:8222", "127.0.0.1:"+places[name]["monitor"], "/data", folder, "/var/run/nats", folder,
		).Replace(config)
		path := filepath.Join(folder, "nats.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), bin, "--config", path)
		for _, assignment := range assignments(environment(t, c, name, container)) {
			cmd.Env = append(cmd.Env, here.Replace(assignment))
		}
		started = append(started, start(t, cmd))
	}
	for i, name := range servers {
		started[i].await(t, "Server is ready")
		awaitProbe(t, "http://127.0.0.1:"+places[name]["monitor"]+container.ReadinessProbe.HTTPGet.Path, started[i])
	}
	return "127.0.0.1:" + places["nats-0"]["client"]
}

func awaitProbe(t *testing.T, url string, p *process) {
	t.Helper()
	status := ""
	for range 300 {
		if status = probe(url); status == "200 OK" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s: %s\n%s", url, status, p.log)
}

func checkProbe(t *testing.T, url string) {
	t.Helper()
	if status := probe(url); status != "200 OK" {
		t.Errorf("%s: %s", url, status)
	}
}

// probe asks as a node does, which checks no certificate.
func probe(url string) string {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Get(url)
	if err != nil {
		return err.Error()
	}
	_ = answer.Body.Close()
	return answer.Status
}
