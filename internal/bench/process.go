package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/procfs"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// process is a child that serves an address, or sends load.
type process struct {
	cmd  *exec.Cmd
	addr string // of a service: that of gRPC
	http string // of a service
	data string // the folder of a service's data, removed at its end
}

func command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// service starts the service on free ports and waits until it answers. It asks the
// model's server at an address, if that is not empty.
func (b *bench) service(ctx context.Context, model string, env ...string) *process {
	p := &process{addr: freeAddr(ctx), http: freeAddr(ctx), data: must(os.MkdirTemp("", "credenza-bench-"))}
	p.cmd = command(ctx, b.credenza, "serve", "--grpc-addr="+p.addr, "--http-addr="+p.http, "--data-dir="+p.data)
	p.cmd.Env = append(os.Environ(), "CREDENZA_LOG_LEVEL=warn")
	if model != "" {
		p.cmd.Env = append(p.cmd.Env, "OPENAI_API_KEY=sk-bench", "OPENAI_BASE_URL=http://"+model+"/v1")
	}
	p.cmd.Env = append(p.cmd.Env, env...)
	check(p.cmd.Start())
	if err := p.awaitPort(ctx); err != nil {
		p.stop()
		check(err)
	}
	return p
}

// awaitPort waits until the process listens on its address.
func (p *process) awaitPort(ctx context.Context) error {
	for range 100 {
		if conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.addr); err == nil {
			return conn.Close()
		}
		if sleep(ctx, 50*time.Millisecond) != nil {
			break
		}
	}
	return fmt.Errorf("nothing answers on %s", p.addr)
}

// noCache is for a service that must ask about each item although the items are equal.
const noCache = "CREDENZA_CACHE_MEMORY_MIB=0"

// role runs a role of this program and waits until it prints a line "ready ADDR".
func (b *bench) role(ctx context.Context, args ...string) *process {
	p := &process{cmd: command(ctx, b.self, args...)}
	out := must(p.cmd.StdoutPipe())
	check(p.cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.stop()
		check(fmt.Errorf("%v ended at once: %w", args, err))
	}
	p.addr = strings.TrimSpace(strings.TrimPrefix(line, "ready"))
	return p
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // killed on purpose
	if p.data != "" {
		_ = os.RemoveAll(p.data) // of the system's temporary folder
	}
}

// freeAddr returns a loopback address on which no program listens.
func freeAddr(ctx context.Context) string {
	l := must(new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"))
	check(l.Close())
	return l.Addr().String()
}

// cpu returns the processor time that the process has used.
func (p *process) cpu() time.Duration {
	proc := must(procfs.NewProc(p.cmd.Process.Pid))
	return time.Duration(must(proc.Stat()).CPUTime() * float64(time.Second))
}

// memory returns the bytes of a process's resident memory: now, and the most that it
// has had.
func memory(pid int) (now, peak uint64, err error) {
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return 0, 0, err
	}
	status, err := proc.NewStatus()
	return status.VmRSS, status.VmHWM, err
}

// peak returns the most memory that a process has had, in bytes.
func peak(pid int) uint64 {
	_, peak, err := memory(pid)
	check(err)
	return peak
}

func resetStats(ctx context.Context, sim *process) {
	ask(ctx, http.MethodPost, sim, "/stats/reset", nil)
}

func readStats(ctx context.Context, sim *process) (s llmsim.Stats) {
	ask(ctx, http.MethodGet, sim, "/stats", &s)
	return s
}

func ask(ctx context.Context, method string, p *process, path string, into any) {
	resp, err := http.DefaultClient.Do(must(http.NewRequestWithContext(ctx, method, "http://"+p.addr+path, http.NoBody)))
	check(err)
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		check(fmt.Errorf("%s answered %s", path, resp.Status))
	}
	if into != nil {
		check(json.NewDecoder(resp.Body).Decode(into))
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func dial(addr string) (*credenza.Client, error) {
	return credenza.Dial(addr, credenza.WithPlaintext())
}

// classify classifies items with a client and calls each with the results. The error is
// that of the call, or each's.
func classify(
	ctx context.Context, client *credenza.Client, items []credenza.Item, o credenza.Options, each func(credenza.Result) error,
) error {
	for result, err := range client.ClassifyStream(ctx, items, o).Results() {
		if err != nil {
			return fmt.Errorf("the call failed: %w", err)
		}
		if err := each(result); err != nil {
			return err
		}
	}
	return nil
}

// failed returns the error of an item that has one.
func failed(r credenza.Result) error {
	if r.Err != nil {
		return r.Err
	}
	return nil
}
