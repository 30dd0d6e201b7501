package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/testkit"
)

// programVariable makes the test binary the program itself, for tests that need
// a process to kill.
const programVariable = "TEST_RUNS_THE_PROGRAM"

// program is the program as a process of its own.
type program struct {
	cmd   *exec.Cmd
	log   *safeBuffer
	ended chan struct{} // closed when it has ended
}

// runProgram starts the program. It is killed with the test, if it still runs.
func runProgram(t *testing.T, args ...string) *program {
	t.Helper()
	return runCommand(t, exec.Command(os.Args[0], args...))
}

// runCommand is runProgram for a command line that comes to it.
func runCommand(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{cmd: cmd, log: &safeBuffer{}, ended: make(chan struct{})}
	cmd.Env = append(os.Environ(), programVariable+"=1")
	if cmd.Stderr == nil {
		cmd.Stdout, cmd.Stderr = p.log, p.log
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // tests that need the exit code check it
	}()
	t.Cleanup(p.kill)
	return p
}

// roomVariable is how many bytes a file of the program may have: the disk is full then.
const roomVariable = "TEST_ROOM_FOR_A_FILE"

func limitFiles() {
	if room, err := strconv.ParseUint(os.Getenv(roomVariable), 10, 64); err == nil {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: room, Max: room}); err != nil {
			panic(err)
		}
	}
}

// kill ends the program at once, as a crash does.
func (p *program) kill() { p.end(syscall.SIGKILL) }

// end sends a signal and waits until the program has ended.
func (p *program) end(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // it may have ended already
	<-p.ended
}

// awaitLog waits until the program has logged a text.
func (p *program) awaitLog(t *testing.T, text string) {
	t.Helper()
	testkit.Await(t, "the log has "+text, func() bool {
		select {
		case <-p.ended:
			t.Fatalf("the program has ended: %s", p.log)
		default:
		}
		return strings.Contains(p.log.String(), text)
	})
}

// awaitPort waits until somebody listens on an address.
func awaitPort(t *testing.T, p *program, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-tick.C:
		case <-p.ended:
			t.Fatalf("the program has ended: %s", p.log)
		case <-ctx.Done():
			t.Fatalf("nothing answers on %s: %s", address, p.log)
		}
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
