package check

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPrometheus_ReadsItsConfiguration has Prometheus's own tool read the file of the compose file.
func TestPrometheus_ReadsItsConfiguration(t *testing.T) {
	needs(t, "promtool", "prometheus")
	shell(t, "promtool", "check", "config", "--syntax-only", "../docker/prometheus.yaml")
}

// TestRelease looks into the archives of `make release`: their sums, what is in them, and
// whether the SBOM names each module of the program.
func TestRelease(t *testing.T) {
	dist := filepath.Join("..", "..", "dist")
	sums, err := os.ReadFile(filepath.Join(dist, "SHA256SUMS"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("NOT CHECKED: there is no release: run make release")
	}
	if err != nil {
		t.Fatal(err)
	}
	archives := 0
	for line := range strings.Lines(string(sums)) {
		sum, name, found := strings.Cut(strings.TrimSpace(line), "  ")
		content, err := os.ReadFile(filepath.Join(dist, name))
		if err != nil || !found {
			t.Fatalf("%q: %v", line, err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != sum {
			t.Errorf("%s has the sum %s", name, got)
		}
		if base, ok := strings.CutSuffix(name, ".tar.gz"); ok {
			archives++
			checkArchive(t, dist, base)
		}
	}
	if archives == 0 {
		t.Error("it has no archive")
	}
}

func checkArchive(t *testing.T, dist, name string) {
	t.Helper()
	archive, err := os.Open(filepath.Join(dist, name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	unpacked, err := gzip.NewReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "credenza")
	missing := map[string]bool{"credenza": true, "LICENSE": true, "NOTICE": true, "README.md": true, "docs/configuration.md": true, "systemd/credenza.service": true}
	for files := tar.NewReader(unpacked); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		path := strings.TrimPrefix(header.Name, name+"/")
		if delete(missing, path); path != "credenza" {
			continue
		}
		content, err := io.ReadAll(files)
		if err != nil || header.Mode&0o111 == 0 || header.Uid != 0 {
			t.Errorf("%s: the program has the mode %o and the owner %d: %v", name, header.Mode, header.Uid, err)
		}
		if err := os.WriteFile(program, content, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for path := range missing {
		t.Errorf("%s has no %s", name, path)
	}
	checkSBOM(t, filepath.Join(dist, name+".cdx.json"), program)
}

// checkSBOM holds that an SBOM names the modules that are linked into a program.
func checkSBOM(t *testing.T, path, program string) {
	t.Helper()
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if !strings.Contains(path, settings["GOOS"]+"-"+settings["GOARCH"]) || settings["CGO_ENABLED"] != "0" {
		t.Errorf("%s is for %s/%s, with C: %s", path, settings["GOOS"], settings["GOARCH"], settings["CGO_ENABLED"])
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var sbom struct {
		BOMFormat  string
		Components []struct{ PURL string }
	}
	if err := json.Unmarshal(content, &sbom); err != nil || sbom.BOMFormat != "CycloneDX" {
		t.Fatalf("%s: %q, %v", path, sbom.BOMFormat, err)
	}
	named := map[string]bool{}
	for _, c := range sbom.Components {
		purl, _, _ := strings.Cut(c.PURL, "?")
		named[purl] = true
	}
	for _, module := range info.Deps {
		if purl := "pkg:golang/" + module.Path + "@" + module.Version; !named[purl] {
			t.Errorf("%s lacks %s", path, purl)
		}
	}
}
