package credenza

import (
	"context"
	"fmt"
	"strings"
	"time"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Status is what a server is doing at one moment.
type Status struct {
	Version   string
	StartTime time.Time
	// Backend is "openai" or "offline".
	Backend string
	Model   string
	// Ready is whether new calls are taken.
	Ready    bool
	Pool     Pool
	Queue    Queue
	Upstream Latency
	Keys     []Key
	// Cache is nil where there is none.
	Cache    *Cache
	Settings Settings
}

// Pool is the calls to the model that may be in flight.
type Pool struct {
	Limit, InUse, Ceiling int
	// Fixed is whether the limit is set by configuration.
	Fixed bool
}

// Queue counts items that wait for their turn.
type Queue struct{ Interactive, Bulk int64 }

// Latency describes the model's answer times.
type Latency struct {
	// Samples is how many answers the figures are from. 0: none yet.
	Samples             int64
	Mean, P50, P95, P99 time.Duration
}

// Key is one key of the model's server.
type Key struct {
	// Suffix is its last four characters.
	Suffix          string
	InFlight        int
	Calls, Failures int64
}

// Cache is the use of a server's cache.
type Cache struct{ Entries, Bytes, Hits, Misses int64 }

// Settings are what can be changed while a server runs.
type Settings struct {
	// MaxWorkers is the most calls to the model at once, 1 to 4,096.
	MaxWorkers int
	// LogLevel is "DEBUG", "INFO", "WARN" or "ERROR".
	LogLevel string
}

// Status returns what the server is doing. It needs the scope "operate".
func (c *Client) Status(ctx context.Context) (Status, error) {
	res, err := c.operations.GetStatus(ctx, &credenzav1.GetStatusRequest{})
	if err != nil {
		return Status{}, errorFrom(err)
	}
	return statusFromProto(res), nil
}

// UpdateSettings changes settings until the server ends and returns those in
// force then. A zero field stays as it is. It needs the scope "operate".
func (c *Client) UpdateSettings(ctx context.Context, change Settings) (Settings, error) {
	req := &credenzav1.UpdateSettingsRequest{}
	if change.MaxWorkers != 0 {
		n := clampInt32(change.MaxWorkers)
		req.MaxWorkers = &n
	}
	if change.LogLevel != "" {
		level, err := logLevelToProto(change.LogLevel)
		if err != nil {
			return Settings{}, err
		}
		req.LogLevel = &level
	}
	res, err := c.operations.UpdateSettings(ctx, req)
	if err != nil {
		return Settings{}, errorFrom(err)
	}
	return settingsFromProto(res.GetSettings()), nil
}

func logLevelToProto(name string) (credenzav1.LogLevel, error) {
	n, ok := credenzav1.LogLevel_value["LOG_LEVEL_"+strings.ToUpper(name)]
	if !ok || n == 0 {
		message := fmt.Sprintf("%q is no log level: say debug, info, warn or error", name)
		return 0, &Error{
			Code: codeInvalidArgument, Reason: reasonInvalidRequest, Message: message,
			Fields: []FieldViolation{{Field: "log_level", Message: message}},
		}
	}
	return credenzav1.LogLevel(n), nil
}

func settingsFromProto(p *credenzav1.Settings) Settings {
	return Settings{
		MaxWorkers: int(p.GetMaxWorkers()),
		LogLevel:   enumName(p.GetLogLevel().String(), "LOG_LEVEL_"),
	}
}

func statusFromProto(p *credenzav1.GetStatusResponse) Status {
	pool, queue := p.GetPool(), p.GetQueue()
	s := Status{
		Version:   p.GetVersion(),
		StartTime: p.GetStartTime().AsTime(),
		Backend:   p.GetBackend(),
		Model:     p.GetModel(),
		Ready:     p.GetReady(),
		Pool: Pool{
			Limit: int(pool.GetLimit()), InUse: int(pool.GetInUse()),
			Ceiling: int(pool.GetCeiling()), Fixed: pool.GetFixed(),
		},
		Queue:    Queue{Interactive: queue.GetInteractive(), Bulk: queue.GetBulk()},
		Upstream: latencyFromProto(p.GetUpstreamLatency()),
		Settings: settingsFromProto(p.GetSettings()),
	}
	for _, k := range p.GetKeys() {
		s.Keys = append(s.Keys, Key{
			Suffix: k.GetSuffix(), InFlight: int(k.GetInFlight()), Calls: k.GetCalls(), Failures: k.GetFailures(),
		})
	}
	if c := p.GetCache(); c != nil {
		s.Cache = &Cache{Entries: c.GetEntries(), Bytes: c.GetBytes(), Hits: c.GetHits(), Misses: c.GetMisses()}
	}
	return s
}

func latencyFromProto(p *credenzav1.LatencyStatus) Latency {
	return Latency{
		Samples: p.GetSamples(),
		Mean:    p.GetMean().AsDuration(),
		P50:     p.GetP50().AsDuration(),
		P95:     p.GetP95().AsDuration(),
		P99:     p.GetP99().AsDuration(),
	}
}
