package app_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/credenza-dev/credenza/internal/app"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagsThenEnvironmentThenFile(t *testing.T) {
	file := write(t, "credenza.yaml", "max_workers: 3\ntext_batch_size: 4\nopenai_model: from-file\nmodels: [a, b]\ninsecure: true\nflush_delay: 1s\n")
	t.Setenv("CREDENZA_CONFIG", file)
	t.Setenv("TEXT_BATCH_SIZE", "5")
	t.Setenv("OPENAI_MODEL", "") // empty counts as not set
	t.Setenv("IMAGE_BATCH_SIZE", "")
	c := settings(t, "--max-workers=6")
	got := fmt.Sprintln(c.MaxWorkers, c.TextBatchSize, c.Model, c.Models, c.Insecure, c.FlushDelay, c.ImageBatchSize)
	if want := "6 5 from-file [a b] true 1s 5\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
}

func TestFileProblems(t *testing.T) {
	tests := map[string]struct{ content, want string }{
		"unknown":     {"max_workers: 3\nmax_worker: 4\n", `:2: unknown setting "max_worker": did you mean "max_workers"?`},
		"typing":      {"max_wrkers: 3\n", `did you mean "max_workers"?`},
		"flag's way":  {"max-workers: 3\n", `did you mean "max_workers"?`},
		"strange":     {"zzz: 1\n", "credenza serve --help"},
		"twice":       {"backend: auto\nbackend: offline\n", ":2: the setting \"backend\" is there twice"},
		"nested":      {"models: {a: 1}\n", ":1: models: give a plain value or a list"},
		"list":        {"- backend\n", ":1: settings are `name: value` lines"},
		"no YAML":     {"backend: [\n", "credenza.yaml:1: this is not YAML"},
		"wrong type":  {"max_workers: many\n", "credenza.yaml:1: max_workers is \"many\": give a whole number"},
		"range":       {"\nmax_workers: -1\n", "credenza.yaml:2: max_workers is -1"},
		"two":         {"backend: auto\n---\nbackend: offline\n", ":2: a second YAML document"},
		"two, empty":  {"backend: auto\n---\n", "a second YAML document"},
		"null twice":  {"backend: ~\nbackend: offline\n", ":2: the setting \"backend\" is there twice"},
		"anchor":      {"key_groups:\n  - keys: [*sk-0123456789]\n", "credenza.yaml: this is not YAML"},
		"group field": {"max_workers: 3\n\nkey_groups:\n  # ours\n  - name: a\n    key: sk-0123456789\n", "credenza.yaml:6: key_groups: key group 1"},
		"group type":  {"max_workers: 3\nkey_groups:\n\n  - keys: sk-0123456789\n", "credenza.yaml:4: key_groups: key group 1"},
		"group keys":  {"max_workers: 3\nkey_groups:\n  - {name: a, keys: [k]}\n  - {name: b}\n", "credenza.yaml:4: key_groups: key group 2"},
		"no groups":   {"max_workers: 3\nkey_groups: sk-0123456789\n", "credenza.yaml:2: key_groups: give a list"},
		"null inside": {"models: [a, ~]\n", ":1: models: give a list of plain values"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var c app.Config
			resolver := app.FileResolver()
			parser := kong.Must(&c, kong.Resolvers(resolver))
			_, err := parser.Parse([]string{"--config", write(t, "credenza.yaml", tt.content)})
			err = resolver.Explain(err)
			if _, ok := errors.AsType[*app.SettingError](err); !ok {
				t.Errorf("got a %T", err)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "0123456789") {
				t.Errorf("got %v, want one line with %q", err, tt.want)
			}
		})
	}
}

func TestNullIsNotSet(t *testing.T) {
	for _, content := range []string{"max_workers: ~\ntext_batch_size:\nopenai_model: null\n", "", "# nothing\n", "---\n", "~\n"} {
		c := settings(t, "--config", write(t, "credenza.yaml", content))
		if got := fmt.Sprintln(c.MaxWorkers, c.TextBatchSize, c.Model); got != "0 10 gpt-6-luna\n" {
			t.Errorf("%q: got %s", content, got)
		}
	}
}

func TestTheCommandLineIsLeftToKong(t *testing.T) {
	t.Setenv("CREDENZA_MAX_WORKERS", "3")
	for _, flag := range []string{"--max-workers=many", "--max-workers=-1", "--nope"} {
		resolver := app.FileResolver()
		_, err := kong.Must(&app.Config{}, kong.Resolvers(resolver)).Parse([]string{flag})
		if _, blamed := errors.AsType[*app.SettingError](resolver.Explain(err)); err == nil || blamed {
			t.Errorf("%s: got %v", flag, resolver.Explain(err))
		}
	}
}

func TestStartRefusesWithOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	doubled := "categories:\n  - {name: A, description: x, terms: [a]}\n  - {name: A, description: x, terms: [b]}\nstyles: []\n"
	tests := map[string]struct{ flag, want string }{
		"port taken":   {"--grpc-addr=" + taken.Addr().String(), "grpc-addr"},
		"http taken":   {"--http-addr=" + taken.Addr().String(), "http-addr"},
		"open address": {"--grpc-addr=0.0.0.0:0", "--insecure"},
		"open http":    {"--http-addr=:0", "http-addr"},
		"no port":      {"--grpc-addr=localhost", "HOST:PORT"},
		"half TLS":     {"--tls-cert=x.pem", "tls-key"},
		"bad backend":  {"--backend=magic", "backend"},
		"no key":       {"--backend=openai", "OPENAI_API_KEY"},
		"batch size":   {"--text-batch-size=0", "text-batch-size is 0"},
		"broken key":   {"--openai-api-key=sk-0123456789\nabcd", "openai-api-key"},
		"workers":      {"--max-workers=-1", "max-workers is -1"},
		"threshold":    {"--review-below=NaN", "review-below"},
		"key twice":    {"--openai-api-key=sk-0123456789abcd,sk-other012345,sk-0123456789abcd", `openai-api-key: the key ...abcd is there twice`},
		"base URL":     {"--openai-base-url=ftp://x", "openai-base-url"},
		"allowed":      {"--image-allow=10.0.0.0/33", "image-allow"},
		"fit":          {"--image-fit=-1", "image-fit is -1"},
		"shop's time":  {"--image-timeout=0s", "image-timeout"},
		"shop's rate":  {"--image-host-rate=-1", "image-host-rate"},
		"taxonomy":     {"--taxonomy=" + write(t, "own.yaml", doubled), "own.yaml"},
		"no taxonomy":  {"--taxonomy=/nowhere.yaml", "nowhere.yaml"},
		"no tokens":    {"--token-file=/nowhere.yaml", "nowhere.yaml"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := parse(tt.flag) // some are found here, the rest at the start
			if err == nil {
				a, started := app.Start(t.Context(), c, app.Options{LogTo: &buffer{}, Data: app.DataNone})
				if err = started; err == nil {
					_ = a.Close(t.Context())
					t.Fatal("it started")
				}
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want something about %q", err, tt.want)
			}
		})
	}
}

func TestBadCertificate(t *testing.T) {
	bad := write(t, "bad.pem", "no certificate")
	_, err := app.Start(t.Context(), settings(t, "--tls-cert="+bad, "--tls-key="+bad), app.Options{LogTo: &buffer{}, Data: app.DataNone})
	if err == nil || !strings.Contains(err.Error(), "bad.pem") || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	c := settings(t, "--openai-api-key=sk-0123456789abcdef,sk-9876543210fedcba")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if s := fmt.Sprintf(verb, c); strings.Contains(s, "0123456789") || strings.Contains(s, "30313233") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}

func TestWrongKeyGroupsInTheEnvironmentDoNotPrint(t *testing.T) {
	for text, want := range map[string]string{
		`[{"keys": ["sk-0123456789abc"]`:                   "CREDENZA_KEY_GROUPS: this is not YAML",
		`[{"key": ["sk-0123456789abc"]}]`:                  "CREDENZA_KEY_GROUPS: key group 1",
		`[{"keys": ["sk-0123456789abc", {"weigh": 1}]}]`:   "its line 1",
		`[{"keys": [*sk-0123456789]}]`:                     "not YAML",
		`[{"keys": {"sk-0123456789abc": 1}}]`:              "its line 1",
		`sk-0123456789abc`:                                 "give a list",
		`[{"keys": ["$sk-0123456789abc"]}]`:                "key 1 begins with $ and names no variable",
		`[{"keys": ["sk-0123456789abc", "$NO_SUCH_KEY"]}]`: "no NO_SUCH_KEY",
	} {
		t.Setenv("CREDENZA_KEY_GROUPS", text)
		resolver := app.FileResolver()
		_, err := kong.Must(&app.Config{}, kong.Resolvers(resolver)).Parse(nil)
		if err == nil {
			t.Errorf("%s was taken", text)
			continue
		}
		told := resolver.Explain(err).Error()
		if !strings.Contains(told, want) || strings.Contains(err.Error()+told, "0123456789") {
			t.Errorf("%s: got %v, explained as %s, want %q", text, err, told, want)
		}
	}
}

func TestFaultyGroupsOfTheFileThatAreOverruledDoNoHarm(t *testing.T) {
	file := write(t, "credenza.yaml", "key_groups: [{name: a}]\n")
	settings(t, "--config", file, "--key-groups=[{keys: [k]}]")
	t.Setenv("CREDENZA_KEY_GROUPS", "[{keys: [k]}]")
	settings(t, "--config", file)
}

// TestDocs_NameEverySetting keeps the table of settings true.
func TestDocs_NameEverySetting(t *testing.T) {
	readme, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	config := reflect.TypeFor[app.Config]()
	for i := range config.NumField() {
		field := config.Field(i)
		env, usual := field.Tag.Get("env"), field.Tag.Get("default")
		row := ""
		for line := range strings.Lines(string(readme)) {
			if strings.HasPrefix(line, "| `"+env+"`") {
				row = line
			}
		}
		if row == "" || !strings.Contains(row, "`"+usual+"`") && usual != "" {
			t.Errorf("docs/configuration.md has no row for %s with its default %q", env, usual)
		}
	}
}
