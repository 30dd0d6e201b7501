package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// startTime is how long a process may take until it answers, on a busy machine.
const startTime = 60 * time.Second

// process is a child that can be killed, stopped and started again. Its faults exclude each
// other: the one that takes busy owns its state until it answers again.
type process struct {
	name    string
	program string
	args    []string
	env     []string
	ready   func(ctx context.Context) error // nil once it answers
	log     *os.File
	book    *book
	vital   func() // ends the run if the process ends on its own; nil: it goes on

	busy sync.Mutex

	mu     sync.Mutex
	cmd    *exec.Cmd
	ended  chan struct{}
	wanted atomic.Bool // it runs, and has no reason to end
}

func (w *world) newProcess(name, program string, args []string) (*process, error) {
	log, err := os.Create(filepath.Join(w.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	return &process{name: name, program: program, args: args, log: log, book: w.book}, nil
}

// start starts the program and waits until it answers.
func (p *process) start(ctx context.Context) error {
	cmd := exec.Command(p.program, p.args...) //nolint:noctx // it ends by stop, and outlives the context of the plan
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	// The kernel ends it with this program, however that ends. A Ctrl-C is for this program alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	ended := make(chan struct{})
	p.mu.Lock()
	p.cmd, p.ended = cmd, ended
	p.mu.Unlock()
	p.wanted.Store(true)
	go func() {
		err := cmd.Wait()
		if p.wanted.Load() {
			p.book.violate("%s ended on its own: %v", p.name, err)
			if p.vital != nil {
				p.vital()
			}
		}
		close(ended)
	}()
	return p.await(ctx)
}

// await waits until the process answers.
func (p *process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	var last error
	for {
		if last = p.ready(ctx); last == nil {
			return nil
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("%s does not answer within %v: %w", p.name, startTime, last)
		}
	}
}

// signal sends a signal, which a process that has ended does not get.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s) // it may have ended
	}
}

// end ends the process by a signal and waits for its end, by SIGKILL after a time.
func (p *process) end(s syscall.Signal, patience time.Duration) error {
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	if ended == nil {
		return nil
	}
	p.wanted.Store(false)
	p.signal(s)
	select {
	case <-ended:
		if state := p.cmd.ProcessState; s == syscall.SIGTERM && !state.Success() {
			return fmt.Errorf("%s was asked to end, and ended with %v", p.name, state)
		}
		return nil
	case <-time.After(patience):
		p.signal(syscall.SIGKILL)
		<-ended
		return fmt.Errorf("%s did not end within %v of %v", p.name, patience, s)
	}
}

// pause waits, or returns the error of the context.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// connects returns a check that an address takes connections.
func connects(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// nextPort is below the range that the kernel takes ports of outgoing connections from, since
// one of these could take the port of a process that is down.
var nextPort atomic.Int32

// freeAddress returns a loopback address on which nothing listens.
func freeAddress(ctx context.Context) (string, error) {
	for range 2000 {
		address := fmt.Sprintf("127.0.0.1:%d", 18000+(int32(os.Getpid()*37)+nextPort.Add(1))%12000)
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err == nil {
			return address, l.Close()
		}
	}
	return "", errors.New("no free port")
}
