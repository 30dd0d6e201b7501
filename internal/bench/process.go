package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
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
	cmd.Env = os.Environ()
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// service starts the service on free ports and waits until it answers. said, if it is
// not nil, gets what the service says on stderr.
func (b bench) service(ctx context.Context, said io.Writer, env ...string) (p *process, err error) {
	p = &process{}
	for _, addr := range []*string{&p.addr, &p.http} {
		if *addr, err = freeAddr(ctx); err != nil {
			return nil, err
		}
	}
	if p.data, err = os.MkdirTemp("", "credenza-bench-"); err != nil {
		return nil, err
	}
	p.cmd = command(ctx, b.credenza, "serve", "--grpc-addr="+p.addr, "--http-addr="+p.http, "--data-dir="+p.data)
	p.cmd.Env = append(p.cmd.Env, env...)
	if said != nil {
		p.cmd.Stderr = said
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(p.data))
	}
	return p, p.awaitPort(ctx)
}

// modelAt returns the settings of a service that asks the model's server at an address.
func modelAt(addr string, more ...string) []string {
	return append([]string{"OPENAI_API_KEY=sk-bench", "OPENAI_BASE_URL=http://" + addr + "/v1", "CREDENZA_LOG_LEVEL=warn"}, more...)
}

// role runs a role of this program and waits until it prints a line "ready ADDR".
func (b bench) role(ctx context.Context, args ...string) (*process, error) {
	p := &process{cmd: command(ctx, b.self, args...)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("%v ended at once: %w", args, err)
	}
	p.addr = strings.TrimSpace(strings.TrimPrefix(line, "ready"))
	return p, nil
}

// noCache is for a service that must ask about each item although the items are equal.
const noCache = "CREDENZA_CACHE_MEMORY_MIB=0"

func (p *process) awaitPort(ctx context.Context) error {
	for range 100 {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.addr)
		if err == nil {
			return conn.Close()
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			break
		}
	}
	p.stop()
	return fmt.Errorf("nothing answers on %s", p.addr)
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // killed on purpose
	if p.data != "" {
		_ = os.RemoveAll(p.data) // of the system's temporary folder
	}
}

// freeAddr returns a loopback address on which no program listens.
func freeAddr(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// cpuOf returns the processor time that two processes have used.
func cpuOf(p, q *process) (time.Duration, time.Duration, error) {
	a, err := cpuTime(p.cmd.Process.Pid)
	if err != nil {
		return 0, 0, err
	}
	b, err := cpuTime(q.cmd.Process.Pid)
	return a, b, err
}

// tick is Linux's unit of processor time in /proc, the same on all of its ports.
const tick = 10 * time.Millisecond

func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The program's name, in brackets, may hold spaces.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const user, system = 11, 12
	if len(fields) <= system {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	u, err := strconv.Atoi(string(fields[user]))
	if err != nil {
		return 0, err
	}
	s, err := strconv.Atoi(string(fields[system]))
	return time.Duration(u+s) * tick, err
}

// The figures of a process's resident memory: now, and the most that it has had.
const (
	memoryNow  = "VmRSS:"
	memoryPeak = "VmHWM:"
)

// memory returns a figure of a process's memory, in bytes.
func memory(pid int, figure string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := bytes.Cut(status, []byte(figure))
	if !ok {
		return 0, fmt.Errorf("/proc/%d/status has no %s", pid, figure)
	}
	kib, err := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
	return kib << 10, err
}

func resetStats(ctx context.Context, addr string) error {
	return ask(ctx, http.MethodPost, "http://"+addr+"/stats/reset", nil)
}

func readStats(ctx context.Context, addr string) (llmsim.Stats, error) {
	var s llmsim.Stats
	err := ask(ctx, http.MethodGet, "http://"+addr+"/stats", &s)
	return s, err
}

func ask(ctx context.Context, method, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s", url, resp.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
