package main

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// endTime is how long a process may take to end on SIGTERM: its drain timeout and some more.
const endTime = 25 * time.Second

func (s *storm) replica() *replica { return s.replicas[s.rng.IntN(len(s.replicas))] }

func endReplica(signal syscall.Signal) func(*storm, context.Context) (func(), bool) {
	return func(s *storm, ctx context.Context) (func(), bool) { return s.restart(ctx, s.replica().process, signal) }
}

func endNATS(signal syscall.Signal) func(*storm, context.Context) (func(), bool) {
	return func(s *storm, ctx context.Context) (func(), bool) { return s.restart(ctx, s.nats, signal) }
}

// restart ends a process. The end of the fault starts it again and waits until it answers.
func (s *storm) restart(ctx context.Context, p *process, signal syscall.Signal) (end func(), ok bool) {
	if !p.busy.TryLock() {
		return nil, false
	}
	ended := make(chan struct{})
	go func() { // a process that is terminated may drain for as long as the fault lasts
		defer close(ended)
		s.book.check("a fault", p.end(signal, endTime))
	}()
	return func() {
		defer p.busy.Unlock()
		<-ended
		s.startAgain(ctx, p)
	}, true
}

// startAgain starts a process that a fault has ended.
func (s *storm) startAgain(ctx context.Context, p *process) {
	if err := p.start(ctx); ctx.Err() == nil {
		s.book.check("a fault", err)
	}
}

// stopProcess stops a process as a debugger or a full machine does.
func stopProcess(p *process) (end func(), ok bool) {
	if !p.busy.TryLock() {
		return nil, false
	}
	p.signal(syscall.SIGSTOP)
	return func() {
		p.signal(syscall.SIGCONT)
		p.busy.Unlock()
	}, true
}

// crowdSize is how many connections come to one replica at once.
const crowdSize = 300

// crowd connects to a replica many times, and sends nothing or the first bytes of a handshake.
func (s *storm) crowd(ctx context.Context) (end func(), ok bool) {
	r := s.replica()
	address := [2]string{r.grpcAddr, r.httpAddr}[s.rng.IntN(2)]
	begun := [2][]byte{nil, {22, 3, 1, 2, 0, 1}}[s.rng.IntN(2)]
	var open []net.Conn
	for range crowdSize {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			break // it is down
		}
		_, _ = conn.Write(begun) // the connection may be refused
		open = append(open, conn)
	}
	return func() {
		for _, conn := range open {
			_ = conn.Close() // the replica may be down
		}
	}, true
}

// fillDisk leaves no room on the disk of the embedded store.
func (s *storm) fillDisk(context.Context) (end func(), ok bool) {
	if !s.disks.TryLock() {
		return nil, false
	}
	s.book.check("the disk cannot be filled", s.disk.fill())
	return func() {
		s.book.check("the disk cannot be freed", s.disk.free())
		s.disks.Unlock()
	}, true
}

// fillNATS leaves no room on the disk of NATS, which gives its streams up then. When there is
// room again, it is started again, as its operator would.
func (s *storm) fillNATS(ctx context.Context) (end func(), ok bool) {
	if !s.nats.busy.TryLock() {
		return nil, false
	}
	s.book.check("the disk of NATS cannot be filled", s.natsDisk.fill())
	return func() {
		defer s.nats.busy.Unlock()
		s.book.check("the disk of NATS cannot be freed", s.natsDisk.free())
		s.book.check("a fault", s.nats.end(syscall.SIGTERM, endTime))
		s.startAgain(ctx, s.nats)
	}, true
}

// replaceCertificates replaces the certificate that all replicas serve. Each must serve it to
// new connections before long.
func (s *storm) replaceCertificates(context.Context) (end func(), ok bool) {
	return func() {}, s.book.check("the certificate cannot be replaced", s.authority.replace())
}

// replaceToken gives the caller of the load another token.
func (s *storm) replaceToken(context.Context) (end func(), ok bool) {
	return func() {}, s.tokens.settled() && s.book.check("the token cannot be replaced", s.tokens.replace())
}

// spoilTokens puts something else in place of the token file: the tokens that were read stay in
// force. No replica starts meanwhile, which would end at once.
func (s *storm) spoilTokens(context.Context) (end func(), ok bool) {
	var held []*replica
	release := func() {
		for _, r := range held {
			r.busy.Unlock()
		}
	}
	for _, r := range s.replicas {
		if !r.busy.TryLock() {
			release()
			return nil, false
		}
		held = append(held, r)
	}
	if !s.tokens.settled() {
		release()
		return nil, false
	}
	s.book.check("the token file cannot be replaced", s.tokens.spoil())
	return func() {
		s.book.check("the token cannot be replaced", s.tokens.replace())
		release()
	}, true
}

// checkSecrets checks, in a calm, that all replicas have the newest certificate and token.
func (w *world) checkSecrets(ctx context.Context) {
	for _, r := range w.replicas {
		if serial, err := w.authority.serves(r.grpcAddr); err != nil || serial != w.authority.current() {
			w.book.violate("%s serves certificate %d, the newest is %d: %v", r.name, serial, w.authority.current(), err)
		}
		w.book.check(r.name, w.refusesOld(ctx, r))
	}
}

// refusesOld checks that a replica refuses the token before the current one.
func (w *world) refusesOld(ctx context.Context, r *replica) error {
	w.tokens.mu.Lock()
	old := w.tokens.number - 1
	w.tokens.mu.Unlock()
	if old == 0 {
		return nil
	}
	c, err := credenza.Dial(r.grpcAddr, credenza.WithTLS(w.authority.client()), credenza.WithToken(tokenOf(old)))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	_, err = c.Classify(ctx, newItems(1)[0], credenza.Options{})
	if e := asError(err); e == nil || e.Code != credenza.CodeUnauthenticated {
		return fmt.Errorf("a call with the token before is answered with %w", err)
	}
	return nil
}
