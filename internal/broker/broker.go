package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Config describes the JetStream to open.
type Config struct {
	// URL is a cluster's address, or several with commas. Empty: JetStream runs
	// within this process and stores in Dir.
	URL string
	// Dir is the data folder, of this process only. It is created if it does not exist.
	Dir string
	// Replicas is the number of a cluster's servers that store each message, 1 to 5.
	// 0: 3 for a cluster, else 1.
	Replicas int
	// MayBeAway has Open return a broker of a cluster that cannot be reached, which
	// connects when it can.
	MayBeAway bool
	// Log gets events that an operator may have to act on. Nil: nothing is logged.
	Log *zap.Logger
	// Changed is called when Dir is lost, with Lost's error, and with nil when it is
	// back. It must not block. Nil: it is not reported.
	Changed func(error)
}

// Bounds of waiting for the server.
const (
	startTime   = 10 * time.Second
	requestTime = 5 * time.Second
	askTime     = time.Second
	// maxPayload is the largest message of the embedded server. Larger items go to an
	// object store.
	maxPayload = 8 << 20
)

// ErrFolderInUse is in the error of Open if another process uses the data folder.
var ErrFolderInUse = errors.New("another process uses the data folder")

// Broker is a connection to a JetStream, and the server itself if it is embedded. It is
// safe for concurrent use. The caller of Open closes it after all its users.
type Broker struct {
	config Config
	server *embedded // nil: a cluster elsewhere
	conn   *nats.Conn
	js     jetstream.JetStream
	// answers: JetStream has answered once.
	answers atomic.Bool
	// stop ends the wait for the first answer of a cluster that was away.
	stop    context.CancelFunc
	waiting sync.WaitGroup
}

// Open connects to the cluster, or starts the embedded server. It returns an error with
// advice, on one line, if another process uses the folder, or if the cluster cannot be
// reached or has no JetStream.
func Open(ctx context.Context, config Config) (*Broker, error) {
	if config.Replicas < 0 || config.Replicas > 5 {
		return nil, fmt.Errorf("messages are to be stored on %d servers: give a number from 1 to 5, or 0 for the usual one", config.Replicas)
	}
	if config.Log == nil {
		config.Log = zap.NewNop()
	}
	b := &Broker{config: config}
	if err := b.connect(); err != nil {
		b.Close()
		return nil, err
	}
	var err error
	if b.js, err = jetstream.New(b.conn, jetstream.WithDefaultTimeout(requestTime)); err != nil {
		b.Close()
		return nil, fmt.Errorf("set JetStream up: %w", err)
	}
	if b.conn.IsConnected() {
		if err := b.awaitJetStream(ctx); err != nil {
			b.Close()
			return nil, err
		}
	}
	if !b.answers.Load() {
		b.awaitCluster()
	}
	return b, nil
}

// awaitCluster waits in the background, until Close, for the first answer of a cluster that is
// away.
func (b *Broker) awaitCluster() {
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	b.waiting.Go(func() {
		for b.ask(ctx) != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(askTime):
			}
		}
	})
}

// ask returns nil if JetStream answers within askTime.
func (b *Broker) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if _, err := b.js.AccountInfo(ctx); err != nil {
		return err
	}
	b.answers.Store(true)
	return nil
}

// awaitJetStream returns nil once JetStream answers. A cluster that elects its leader does
// not answer, and what it was asked meanwhile is lost, so it is asked again every second. One
// that has no leader, for lack of servers, is away.
func (b *Broker) awaitJetStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		err := b.ask(ctx)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("the NATS server has no JetStream that this account may use: enable it there (%w)", err)
		case ctx.Err() == nil:
		case b.config.MayBeAway:
			b.config.Log.Warn("the NATS cluster does not answer, and is tried until it does: check that most of its servers run")
			return nil
		default:
			return fmt.Errorf("the NATS cluster does not answer: check that most of its servers run (%w)", err)
		}
	}
}

func (b *Broker) connect() (err error) {
	if b.config.URL == "" {
		if b.server, err = startEmbedded(b.config); err != nil {
			return err
		}
		b.conn, err = nats.Connect("", append(b.options(), nats.InProcessServer(b.server))...)
		return err
	}
	b.conn, err = nats.Connect(b.config.URL, b.options()...)
	if err != nil && b.config.MayBeAway && !refuses(err) {
		b.config.Log.Warn("NATS cannot be reached, and is tried until it can: check the address in nats-url, and that the server is running", zap.Error(scrub(err)))
		b.conn, err = nats.Connect(b.config.URL, append(b.options(), nats.RetryOnFailedConnect(true))...)
	}
	if err != nil {
		return fmt.Errorf("NATS cannot be reached: check the address in nats-url, and that the server is running (%w)", scrub(err))
	}
	return nil
}

// refuses reports whether an error is that of a server that is there and takes no such
// connection.
func refuses(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrSecureConnRequired)
}

// options returns options that reconnect for as long as the process runs, so that jobs
// continue when a cluster comes back.
func (b *Broker) options() []nats.Option {
	return []nats.Option{
		nats.Name("credenza"),
		nats.Timeout(startTime),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 250*time.Millisecond),
		// A message that cannot be sent now is an error and is not sent later.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				b.config.Log.Warn("NATS is away: cache and jobs wait for it", zap.Error(scrub(err)))
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { b.config.Log.Info("NATS is back") }), // also the first time, if it was away
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.config.Log.Debug("NATS", zap.Error(scrub(err)))
		}),
	}
}

// scrub removes addresses from an error, since they may contain a password.
func scrub(err error) error {
	for _, known := range []error{
		nats.ErrNoServers, nats.ErrTimeout, nats.ErrAuthorization, nats.ErrAuthExpired,
		nats.ErrSecureConnRequired, nats.ErrStaleConnection, nats.ErrConnectionClosed,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errors.New("connection error")
}

// JetStream returns the JetStream.
func (b *Broker) JetStream() jetstream.JetStream { return b.js }

// MaxMessage returns the most bytes of one message, with its headers.
func (b *Broker) MaxMessage() int { return int(b.conn.MaxPayload()) }

// Publish sends a message to a stream and waits for no acknowledgement.
func (b *Broker) Publish(subject string, message []byte) error {
	return b.conn.Publish(subject, message)
}

// Embedded reports whether the server runs within this process, for it alone.
func (b *Broker) Embedded() bool { return b.server != nil }

// Replicas returns the number of servers that should store a stream.
func (b *Broker) Replicas() int {
	switch {
	case b.config.Replicas > 0:
		return b.config.Replicas
	case b.conn.ConnectedClusterName() != "":
		return 3
	default:
		return 1
	}
}

// Connected reports whether the server can be reached now, and JetStream has answered since it
// was opened.
func (b *Broker) Connected() bool { return b.answers.Load() && b.conn.IsConnected() }

// Sync returns nil when all that was acknowledged before the call is on disk.
// Concurrent calls share syncs. The error is a fault, or ctx's cause if ctx ends first.
// With a cluster, Sync returns nil at once, because its servers sync as configured.
func (b *Broker) Sync(ctx context.Context) error {
	if b.server == nil {
		return nil
	}
	return b.server.rounds.wait(ctx)
}

// SyncWithin schedules a sync of all that was acknowledged before the call, so that it
// ends within the time, and does not wait for it.
func (b *Broker) SyncWithin(d time.Duration) {
	if b.server != nil {
		b.server.rounds.within(d)
	}
}

// Lost returns a fault if nothing can be stored any more: the data folder was removed
// or replaced, which is noticed within about a second, or a sync failed. Else it
// returns nil.
func (b *Broker) Lost() error {
	if b.server == nil {
		return nil
	}
	return b.server.disk.lostErr()
}

// Writable reports whether something can be stored now: the server can be reached and, if it
// is embedded, its disk is not full, as was seen within the last three seconds, and its folder
// not lost.
func (b *Broker) Writable() bool {
	return b.Connected() && b.Lost() == nil && (b.server == nil || !b.server.full.Load())
}

// Close closes the connection and the embedded server. All that was acknowledged is on
// disk when it returns.
func (b *Broker) Close() {
	if b.stop != nil {
		b.stop()
		b.waiting.Wait()
	}
	if b.conn != nil {
		b.conn.Close()
	}
	if b.server != nil {
		b.server.close()
	}
}
