package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Config says where the JetStream is.
type Config struct {
	// URL is a cluster's address, or several with commas. Empty: JetStream runs
	// within this process and stores in Dir.
	URL string
	// Dir is the data folder of this process alone. It is made if it is not there.
	Dir string
	// Replicas is on how many servers of a cluster each message is stored, 1 to 5.
	// 0: on 3 of a cluster, else on 1.
	Replicas int
	// Log is told of what an operator may have to look at. Nil: nobody.
	Log *zap.Logger
	// Changed is called when Dir is lost, with Lost's error, and with nil when it is
	// back. It must not block. Nil: it is not reported.
	Changed func(error)
}

// Bounds of waiting for the server.
const (
	startTime   = 10 * time.Second
	requestTime = 5 * time.Second
	// maxPayload is the largest message of the embedded server. What is larger goes
	// to an object store.
	maxPayload = 8 << 20
)

// Broker is a connection to a JetStream, and the server itself where that runs
// within the process. It is safe for concurrent use. Whoever opened it closes it,
// after all who use it.
type Broker struct {
	config Config
	server *embedded // nil: a cluster elsewhere
	conn   *nats.Conn
	js     jetstream.JetStream
}

// Open connects to the cluster, or starts the embedded server. An error is one
// line that says what to do: another process has the folder, the cluster cannot
// be reached or has no JetStream.
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
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if _, err := b.js.AccountInfo(ctx); err != nil {
		b.Close()
		return nil, fmt.Errorf("the NATS server has no JetStream that this account may use: enable it there (%w)", err)
	}
	return b, nil
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
	if err != nil {
		return fmt.Errorf("NATS cannot be reached: check the address in nats-url, and that the server is running (%w)", scrub(err))
	}
	return nil
}

// options keep the connection for as long as the process lives: what is stored
// elsewhere comes back, and jobs go on then.
func (b *Broker) options() []nats.Option {
	return []nats.Option{
		nats.Name("credenza"),
		nats.Timeout(startTime),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 250*time.Millisecond),
		// What cannot be sent now is for the caller to know, not to be sent later.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				b.config.Log.Warn("NATS is away: cache and jobs wait for it", zap.Error(scrub(err)))
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { b.config.Log.Info("NATS is back") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.config.Log.Debug("NATS", zap.Error(scrub(err)))
		}),
	}
}

// scrub keeps of an error what is fit for a log: an address may hold a password.
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

// JetStream is the way to what is stored.
func (b *Broker) JetStream() jetstream.JetStream { return b.js }

// MaxMessage is the most bytes of one message, its headers included.
func (b *Broker) MaxMessage() int { return int(b.conn.MaxPayload()) }

// Publish sends a message to a stream and waits for no acknowledgement.
func (b *Broker) Publish(subject string, message []byte) error {
	return b.conn.Publish(subject, message)
}

// Embedded reports whether the server runs within this process, for it alone.
func (b *Broker) Embedded() bool { return b.server != nil }

// Replicas is on how many servers a stream is to be stored.
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

// Connected reports whether the server can be reached now.
func (b *Broker) Connected() bool { return b.conn.IsConnected() }

// Sync returns nil once everything that was acknowledged before the call is on
// disk. Concurrent calls share syncs. The error is a fault, or ctx's cause if that
// ends first. What a cluster has acknowledged is its operator's to sync: then Sync
// returns nil at once.
func (b *Broker) Sync(ctx context.Context) error {
	if b.server == nil {
		return nil
	}
	return b.server.rounds.wait(ctx)
}

// SyncWithin has everything that was acknowledged before the call on disk when the
// time is over, without waiting for it.
func (b *Broker) SyncWithin(d time.Duration) {
	if b.server != nil {
		b.server.rounds.within(d)
	}
}

// Lost returns why nothing can be kept any more, nil if it can: the data folder was
// removed or replaced, which is noticed within about a second, or a sync failed. The
// error is a fault.
func (b *Broker) Lost() error {
	if b.server == nil {
		return nil
	}
	return b.server.disk.lostErr()
}

// Close ends the connection, and the server if it runs within the process. What
// was acknowledged is on disk then.
func (b *Broker) Close() {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.server != nil {
		b.server.close()
	}
}
