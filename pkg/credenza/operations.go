package credenza

import (
	"context"
	"fmt"
	"strings"
	"time"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Status is the state of a server.
type Status struct {
	Version   string
	StartTime time.Time
	// Backend is "openai" or "offline".
	Backend string
	Model   string
	// Ready is true if the server accepts new calls.
	Ready    bool
	Pool     Pool
	Queue    Queue
	Upstream Latency
	Keys     []Key
	// Groups are the quota groups of the keys.
	Groups []Group
	// Profiles are how each model is asked on each server.
	Profiles []Profile
	// Callers are the callers that have caps.
	Callers []Caller
	// Cache is nil if the server has no cache.
	Cache    *Cache
	Settings Settings
}

// Caller is a caller of the token file that has caps.
type Caller struct {
	Name string
	Caps []Cap
}

// Cap is a cap of a caller, such as "items_per_day", and what is used of it on all
// replicas together; the proto's CapStatus lists the names.
type Cap struct {
	Name        string
	Limit, Used int64
}

// Profile is how one model on one server is asked.
type Profile struct {
	// Groups are the quota groups whose keys are used for it.
	Groups []string
	// Model is the name that the server knows.
	Model string
	// Settled is true if the server has answered a question that was asked this way.
	Settled bool
	Parts   []ProfilePart
}

// ProfilePart is one part of a profile; the proto's ProfilePart lists the names.
type ProfilePart struct {
	Name, Value string
	// Source is "DEFAULT", "PRESET", "SET" or "LEARNED".
	Source string
}

// Pool is the calls to the model that may be in flight.
type Pool struct {
	Limit, InUse, Ceiling int
	// Fixed is true if the limit is configured.
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
	Suffix string
	// Group is the name of its quota group.
	Group           string
	InFlight        int
	Calls, Failures int64
	// Retired is why the key is out of service, empty if it is in use. RetryIn is the
	// time until it is tried again.
	Retired string
	RetryIn time.Duration
}

// Group is a set of keys that share one quota.
type Group struct {
	Name            string
	Limit, InFlight int
	// Requests and Tokens are nil if no limit is known.
	Requests, Tokens *Quota
	// LearnedPerSecond is the speed learned from 429s, 0 if none was.
	LearnedPerSecond float64
	// CoolDown is how long no call starts after a 429.
	CoolDown time.Duration
	// BreakerOpen is true while the server is away. Outages is the number of outages.
	BreakerOpen bool
	Outages     int64
	// Outage describes the current outage, or is nil.
	Outage *Outage
	// Braked is true if the limit follows the latency of a server that queues calls.
	Braked         bool
	Latency        Latency
	AttemptTimeout time.Duration
}

// Quota is a limit of the provider.
type Quota struct {
	Limit, Remaining float64
	// PerSecond is the speed that calls are paced at, 0: they are not.
	PerSecond float64
	// ResetIn is when the limit is whole again, 0: not known.
	ResetIn time.Duration
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
		message := fmt.Sprintf("%q is not a log level: say debug, info, warn or error", name)
		return 0, &Error{
			Code: CodeInvalidArgument, Reason: ReasonInvalidRequest, Message: message,
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
		Keys:     converted(p.GetKeys(), keyFromProto),
		Groups:   converted(p.GetGroups(), groupFromProto),
		Profiles: converted(p.GetProfiles(), profileFromProto),
		Callers:  converted(p.GetCallers(), callerFromProto),
		Settings: settingsFromProto(p.GetSettings()),
	}
	if c := p.GetCache(); c != nil {
		s.Cache = &Cache{Entries: c.GetEntries(), Bytes: c.GetBytes(), Hits: c.GetHits(), Misses: c.GetMisses()}
	}
	return s
}

func keyFromProto(k *credenzav1.KeyStatus) Key {
	return Key{
		Suffix: k.GetSuffix(), InFlight: int(k.GetInFlight()), Calls: k.GetCalls(), Failures: k.GetFailures(),
		Group: k.GetGroup(), Retired: k.GetRetiredReason(), RetryIn: k.GetRetryIn().AsDuration(),
	}
}

func callerFromProto(c *credenzav1.CallerStatus) Caller {
	return Caller{Name: c.GetName(), Caps: converted(c.GetCaps(), func(limit *credenzav1.CapStatus) Cap {
		return Cap{Name: limit.GetName(), Limit: limit.GetLimit(), Used: limit.GetUsed()}
	})}
}

func profileFromProto(p *credenzav1.ModelProfile) Profile {
	return Profile{
		Groups: p.GetGroups(), Model: p.GetModel(), Settled: p.GetSettled(),
		Parts: converted(p.GetParts(), func(part *credenzav1.ProfilePart) ProfilePart {
			return ProfilePart{Name: part.GetName(), Value: part.GetValue(), Source: enumName(part.GetSource().String(), "PROFILE_SOURCE_")}
		}),
	}
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

func groupFromProto(g *credenzav1.QuotaGroupStatus) Group {
	return Group{
		Name: g.GetName(), Limit: int(g.GetLimit()), InFlight: int(g.GetInFlight()),
		Requests: quotaFromProto(g.GetRequests()), Tokens: quotaFromProto(g.GetTokens()),
		LearnedPerSecond: g.GetLearnedPerSecond(), CoolDown: g.GetCoolDown().AsDuration(),
		BreakerOpen: g.GetBreakerOpen(), Outages: g.GetOutages(), Braked: g.GetBraked(),
		Latency: latencyFromProto(g.GetLatency()), AttemptTimeout: g.GetAttemptTimeout().AsDuration(),
		Outage: outageFromProto(g.GetOutage()),
	}
}

func quotaFromProto(q *credenzav1.QuotaStatus) *Quota {
	if q == nil {
		return nil
	}
	return &Quota{
		Limit: q.GetLimit(), Remaining: q.GetRemaining(), PerSecond: q.GetPerSecond(), ResetIn: q.GetResetIn().AsDuration(),
	}
}
