package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/llmsim"
)

// asProgram makes the test binary run as the command itself.
const asProgram = "LLMSIM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

func TestServesUntilSignalled(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			command := exec.CommandContext(t.Context(), os.Args[0], "--addr", "127.0.0.1:0", "--median", "1ms", "--keys", "sk-a")
			command.Env = append(os.Environ(), asProgram+"=1")
			out, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			url := strings.TrimSuffix(strings.Fields(line)[2], ",")
			if got := post(t, url, "sk-a", "a chair"); got != http.StatusOK {
				t.Errorf("a good key: status %d", got)
			}
			if got := post(t, url, "sk-b", "a chair"); got != http.StatusUnauthorized {
				t.Errorf("an unknown key: status %d", got)
			}
			hanging := dialHanging(t, strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/v1"))
			if err := command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := command.Wait(); err != nil {
				t.Errorf("after %v: %v", signal, err)
			}
			if _, err := io.ReadAll(hanging); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("the hanging call: %v", err)
			}
		})
	}
}

func post(t *testing.T, url, key, text string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/chat/completions", strings.NewReader(body(text)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func body(text string) string {
	return `{"model":"m","messages":[{"role":"user","content":"` + text + `"}]}`
}

// dialHanging sends a call that will never be answered.
func dialHanging(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	text := body("sim:hang")
	_, err = io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-a\r\nContent-Length: "+
		strconv.Itoa(len(text))+"\r\n\r\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestFlagsGoBeforeTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sim.yaml")
	text := "seed: 3\nslots: 8\nlatency: {sigma: 0.1, cap: 1s}\nquota: {requests: {amount: 5}}\nkeys: [{secret: old}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := parse([]string{
		"--config", path, "--slots", "2", "--rpm", "600", "--burst", "10", "--tpm", "9", "--keys", "a,b", "--median", "5ms",
		"--behaviour", "gemini-schema,gemini-logprobs",
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.config()
	if err != nil {
		t.Fatal(err)
	}
	want := llmsim.Config{
		Seed: 3, Slots: 2, Latency: llmsim.Latency{Median: 5 * time.Millisecond, Sigma: 0.1, Cap: time.Second},
		Quota: llmsim.Quota{
			Requests: llmsim.Limit{Amount: 600, Per: time.Minute, Burst: 10},
			Tokens:   llmsim.Limit{Amount: 9, Per: time.Minute},
		},
	}
	if got.Seed != want.Seed || got.Slots != want.Slots || got.Latency != want.Latency ||
		got.Quota.Requests != want.Quota.Requests || got.Quota.Tokens != want.Quota.Tokens ||
		len(got.Keys) != 2 || got.Keys[1].Secret != "b" || len(got.Behaviours) != 2 {
		t.Errorf("got %+v, want %+v with two keys and two behaviours", got, want)
	}
}

func TestStartUpProblems(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path := filepath.Join(t.TempDir(), "sim.yaml")
	if err := os.WriteFile(path, []byte("seed: 1\nslts: 8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"port in use":    {[]string{"--addr", taken.Addr().String()}, "choose another address"},
		"no such file":   {[]string{"--config", path + ".not"}, "cannot be opened"},
		"unknown name":   {[]string{"--config", path}, "line 2: field slts"},
		"unknown flag":   {[]string{"--loud"}, "unknown flag --loud"},
		"no behaviour":   {[]string{"--behaviour=kind"}, "\"kind\" is none of anthropic-limits, anthropic-model, apigee-spike"},
		"negative slots": {[]string{"--slots=-1"}, "slots: -1 is negative"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), test.args, io.Discard)
			if err == nil || !strings.Contains(publicText(err), test.want) || strings.Contains(publicText(err), "\n") {
				t.Errorf("got %v, want one line with %q", err, test.want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var out strings.Builder
	if err := run(context.Background(), []string{"--help"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--config", "--rpm", "--slots", "--behaviour", "gemini-schema"} {
		if !strings.Contains(out.String(), flag) {
			t.Errorf("the help does not name %s:\n%s", flag, out.String())
		}
	}
}
