package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
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
func (c serversCommand) Run(ctx context.Context, b *bench) error {
	only := must(regexp.Compile(c.Only))
	var cases []serverCase
	check(json.Unmarshal(must(python(ctx, listCases, c.Folder)), &cases))
	for _, s := range cases {
		if !only.MatchString(s.Name) {
			continue
		}
		if c.Items > 0 {
			s.Items = c.Items
		}
		got := c.play(ctx, b, &s)
		check(ctx.Err())
		b.printf("%s", got.text(&s))
	}
	return ctx.Err()
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
	return command(ctx, "python3", append([]string{"-B", "-c", script}, args...)...).Output()
}

// play starts the fake and the service, asks for the items, and stops both.
func (c serversCommand) play(ctx context.Context, b *bench, s *serverCase) *userGot {
	ctx, cancel := context.WithTimeout(ctx, c.Within)
	defer cancel()
	addr := freeAddr(ctx)
	_, port, err := net.SplitHostPort(addr)
	check(err)
	items := caseItems(must(python(ctx, listItems, c.Folder, s.Name, strconv.Itoa(s.Items), port)))
	data := must(os.MkdirTemp("", "credenza-servers-"))
	defer func() { _ = os.RemoveAll(data) }()
	log := filepath.Join(data, "calls.jsonl")
	fake := &process{cmd: command(ctx, "python3", "-B", filepath.Join(c.Folder, "fakes.py"), s.Name, port, log), addr: addr}
	check(fake.cmd.Start())
	defer fake.stop()
	check(fake.awaitPort(ctx))
	service := b.service(ctx, "", s.env(addr)...)
	defer service.stop()
	got := &userGot{answers: map[string]int{}, errors: map[string]int{}}
	began := time.Now()
	got.failure = got.ask(ctx, service.addr, items)
	got.took = time.Since(began)
	got.calls = must(countCalls(log))
	return got
}

func (s *serverCase) env(upstream string) []string {
	base := "/v1"
	env := []string{
		"OPENAI_API_KEY=sk-test-0123456789abcdef", "CREDENZA_IMAGE_ALLOW=127.0.0.1", "NO_PROXY=127.0.0.1", "CREDENZA_LOG_LEVEL=error",
	}
	for name, value := range s.Env {
		switch name {
		case "BASE":
			base = fmt.Sprint(value)
		case "PICTURES": // of the items
		default:
			env = append(env, fmt.Sprintf("%s=%v", name, value))
		}
	}
	return append(env, "OPENAI_BASE_URL=http://"+upstream+base)
}

// caseItems reads the items of a case, CSV with a header.
func caseItems(text []byte) []credenza.Item {
	rows := must(csv.NewReader(bytes.NewReader(text)).ReadAll())
	return itemsOf(len(rows)-1, func(i int) (item credenza.Item) {
		fields := map[string]*string{
			"id": &item.ID, "product_name": &item.ProductName, "description": &item.Description, "image_url": &item.ImageURL,
		}
		for j, name := range rows[0] {
			if field := fields[name]; field != nil {
				*field = rows[i+1][j]
			}
		}
		return item
	})
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
	client, err := dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	for r, err := range client.ClassifyStream(ctx, items, credenza.Options{}).Results() {
		switch {
		case err != nil:
			return err
		case r.Err != nil:
			g.errors[string(r.Err.Reason)+": "+r.Err.Message]++
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

// text has a line for the case and one for each kind of end.
func (g *userGot) text(s *serverCase) string {
	var statuses []string
	all := 0
	for _, status := range slices.Sorted(maps.Keys(g.calls)) {
		all += g.calls[status]
		statuses = append(statuses, fmt.Sprintf("%d x %s", g.calls[status], status))
	}
	text := fmt.Sprintf("%s: %d items, %.1f s, %d calls (%s)\n", s.Name, s.Items, g.took.Seconds(), all, strings.Join(statuses, ", "))
	for _, ends := range []map[string]int{g.answers, g.errors} {
		for _, words := range slices.Sorted(maps.Keys(ends)) {
			text += fmt.Sprintf("  %4d %s\n", ends[words], words)
		}
	}
	if g.failure != nil {
		text += fmt.Sprintf("       the call ended: %v\n", g.failure)
	}
	return text
}
