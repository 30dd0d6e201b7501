package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// serversCommand plays a folder of fake model servers against the whole service, and
// prints what a user got of each. It needs python3.
//
// The folder has a fakes.py with CASES and ENV by name, which serves one of them with
// "fakes.py NAME PORT LOG" and logs each call as a line of JSON. ENV holds BASE, the path
// of the base URL, and further environment variables of the service. A replay.py may have
// items(name, n, port), which returns the items as CSV, and MANY and FEW, how many there
// are of some cases.
type serversCommand struct {
	Folder string        `arg:"" help:"A folder with fakes.py."`
	Only   string        `help:"Only the cases whose names match a regular expression."`
	Items  int           `help:"How many items each case has. 0: as the folder says, else 30."`
	Within time.Duration `default:"320s" help:"How long a case may last."`
}

// Run plays one case after the other. The error is of what cannot be played; what the
// user got is for people to judge.
func (c serversCommand) Run(ctx context.Context, b bench, w io.Writer) error {
	only, err := regexp.Compile(c.Only)
	if err != nil {
		return fmt.Errorf("only: %w", err)
	}
	cases, err := readCases(ctx, c.Folder)
	if err != nil {
		return err
	}
	t := &table{w: w}
	for _, s := range cases {
		if !only.MatchString(s.Name) {
			continue
		}
		if c.Items > 0 {
			s.Items = c.Items
		}
		got, err := c.play(ctx, b, &s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			t.printf("%s: %v\n", s.Name, err)
			continue
		}
		got.print(t, &s)
	}
	return t.err
}

// serverCase is one fake server.
type serverCase struct {
	Name  string
	Items int
	Env   map[string]any // BASE, PICTURES, and environment variables of the service
}

const listCases = `import json, sys
sys.path.insert(0, sys.argv[1])
import fakes
try:
    import replay
except ImportError:
    replay = None
counts = {**getattr(replay, "MANY", {}), **getattr(replay, "FEW", {})}
print(json.dumps([{"Name": n, "Env": fakes.ENV.get(n, {}), "Items": counts.get(n, 30)} for n in fakes.CASES]))`

const listItems = `import sys
sys.path.insert(0, sys.argv[1])
try:
    import replay
    print(replay.items(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
except ImportError:
    print("id,product_name,description")
    for i in range(int(sys.argv[3])):
        print("i%d,Two-seat sofa model %d,Linen cover and walnut legs" % (i, i))`

// python runs a script and returns what it prints.
func python(ctx context.Context, script string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "python3", append([]string{"-B", "-c", script}, args...)...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("python3: %w: %s", err, lastLine(exit.Stderr))
	}
	return out, err
}

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

func readCases(ctx context.Context, folder string) ([]serverCase, error) {
	out, err := python(ctx, listCases, folder)
	if err != nil {
		return nil, err
	}
	var cases []serverCase
	return cases, json.Unmarshal(out, &cases)
}

// play starts the fake and the service, asks for the items, and stops both.
func (c serversCommand) play(ctx context.Context, b bench, s *serverCase) (*userGot, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Within)
	defer cancel()
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	items, err := readItems(ctx, c.Folder, s, port)
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp("", "credenza-servers-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(data) }()
	log := filepath.Join(data, "calls.jsonl")
	fake := &process{cmd: exec.CommandContext(ctx, "python3", "-B", filepath.Join(c.Folder, "fakes.py"), s.Name, port, log), addr: addr}
	if err := fake.cmd.Start(); err != nil {
		return nil, err
	}
	defer fake.stop()
	if err := fake.awaitPort(ctx); err != nil {
		return nil, err
	}
	var said bytes.Buffer
	service, err := b.serveCase(ctx, s, addr, &said)
	if err != nil {
		return nil, fmt.Errorf("the service does not start: %w: %s", err, lastLine(said.Bytes()))
	}
	defer service.stop()
	got := &userGot{answers: map[string]int{}, errors: map[string]int{}}
	began := time.Now()
	got.failure = got.ask(ctx, service.addr, items)
	got.took = time.Since(began)
	got.calls, err = countCalls(log)
	return got, err
}

func (b bench) serveCase(ctx context.Context, s *serverCase, upstream string, said io.Writer) (*process, error) {
	base := "/v1"
	env := []string{"OPENAI_API_KEY=sk-test-0123456789abcdef", "CREDENZA_IMAGE_ALLOW=127.0.0.1", "CREDENZA_LOG_LEVEL=warn", "NO_PROXY=127.0.0.1"}
	for name, value := range s.Env {
		switch name {
		case "BASE":
			base = fmt.Sprint(value)
		case "PICTURES": // of the items
		default:
			env = append(env, fmt.Sprintf("%s=%v", name, value))
		}
	}
	env = append(env, "OPENAI_BASE_URL=http://"+upstream+base)
	return b.service(ctx, said, env...)
}

// readItems returns a case's items.
func readItems(ctx context.Context, folder string, s *serverCase, port string) ([]credenza.Item, error) {
	out, err := python(ctx, listItems, folder, s.Name, strconv.Itoa(s.Items), port)
	if err != nil {
		return nil, err
	}
	_, rows, err := readCSV(bytes.NewReader(out))
	if err != nil {
		return nil, fmt.Errorf("the items of %s are no CSV: %w", s.Name, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s has no items", s.Name)
	}
	items := make([]credenza.Item, len(rows))
	for i, r := range rows {
		items[i] = credenza.Item{ID: r["id"], ProductName: r["product_name"], Description: r["description"], ImageURL: r["image_url"]}
	}
	return items, nil
}

// userGot is what came of a case.
type userGot struct {
	answers map[string]int // by category, confidence and why no picture was used
	errors  map[string]int // by reason and words
	calls   map[string]int // by status
	took    time.Duration
	failure error // of the whole call
}

func (g *userGot) ask(ctx context.Context, addr string, items []credenza.Item) error {
	client, err := credenza.Dial(addr, credenza.WithPlaintext())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	for r, err := range client.ClassifyStream(ctx, items, credenza.Options{}).Results() {
		switch {
		case err != nil:
			return err
		case r.Err != nil:
			g.errors[r.Err.Reason+": "+r.Err.Message]++
		default:
			c := &r.Classification
			words := fmt.Sprintf("ok: %s %.2f %s", c.Category, c.Confidence, c.ConfidenceSource)
			if r.ImageErr != nil {
				words += ", without the picture: " + r.ImageErr.Message
			}
			g.answers[words]++
		}
	}
	return nil
}

// countCalls counts the lines of a fake's log by their status.
func countCalls(log string) (map[string]int, error) {
	file, err := os.Open(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	calls := map[string]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var call struct{ Status any }
		if json.Unmarshal(lines.Bytes(), &call) == nil {
			calls[fmt.Sprint(call.Status)]++
		}
	}
	return calls, lines.Err()
}

// print writes a line for the case and one for each kind of end.
func (g *userGot) print(t *table, s *serverCase) {
	var statuses []string
	all := 0
	for _, status := range slices.Sorted(maps.Keys(g.calls)) {
		all += g.calls[status]
		statuses = append(statuses, fmt.Sprintf("%d x %s", g.calls[status], status))
	}
	t.printf("%s: %d items, %.1f s, %d calls (%s)\n", s.Name, s.Items, g.took.Seconds(), all, strings.Join(statuses, ", "))
	for _, ends := range []map[string]int{g.answers, g.errors} {
		for _, words := range slices.Sorted(maps.Keys(ends)) {
			t.printf("  %4d %s\n", ends[words], words)
		}
	}
	if g.failure != nil {
		t.printf("       the call ended: %v\n", g.failure)
	}
}
