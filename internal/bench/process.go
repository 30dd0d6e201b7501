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
	addr string
	data string // the folder of a service's data, removed at its end
}

// start runs a program and waits until it is ready. Children of this program print a
// line "ready ADDR"; a server is polled at its address.
func start(ctx context.Context, program string, env []string, args ...string) (*process, error) {
	return startTo(ctx, os.Stderr, program, env, args...)
}

// startTo is start with another place for what the program says on stderr.
func startTo(ctx context.Context, stderr io.Writer, program string, env []string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	p := &process{cmd: cmd}
	if args[0] == "serve" {
		p.addr = strings.TrimPrefix(args[1], "--grpc-addr=")
		var err error
		if p.data, err = os.MkdirTemp("", "credenza-bench-"); err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, "CREDENZA_DATA_DIR="+p.data)
		if err := cmd.Start(); err != nil {
			return nil, errors.Join(err, os.RemoveAll(p.data))
		}
		return p, p.awaitPort(ctx)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
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

// peakMemory returns the most memory that a process has had resident, in bytes.
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no peak", pid)
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
