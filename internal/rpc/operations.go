package rpc

import (
	"context"
	"time"

	"go.uber.org/zap/zapcore"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/credenza-dev/credenza/internal/catalog"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Operations shows and tunes the process. It is safe for concurrent use. Errors
// are faults or the context's.
type Operations interface {
	// Status is the state of the process now.
	Status(ctx context.Context) (Status, error)
	// Update changes what is set in change, and returns what is in force then.
	Update(ctx context.Context, change SettingsChange) (Settings, error)
}

// Status is the state of the process at one moment. Whether it is ready, the
// server knows itself.
type Status struct {
	Version string
	Start   time.Time
	// Backend is "openai" or "offline".
	Backend string
	// Model is the configured one, or "lexicon".
	Model string
	Pool  PoolStatus
	Queue QueueStatus
	// Upstream is over the last answers.
	Upstream LatencyStatus
	// Keys are in the order of the configuration.
	Keys []KeyStatus
	// Cache is nil where there is none.
	Cache    *CacheStatus
	Settings Settings
	// Groups are in the order of the configuration.
	Groups []GroupStatus
}

// PoolStatus is the use of the process-wide pool, in calls.
type PoolStatus struct {
	Limit, InUse, Ceiling int
	Fixed                 bool
}

// QueueStatus counts items that wait for their turn.
type QueueStatus struct{ Interactive, Bulk int64 }

// LatencyStatus describes the model's answer times.
type LatencyStatus struct {
	// Samples is how many answers the figures are from.
	Samples             int64
	Mean, P50, P95, P99 time.Duration
}

// KeyStatus is one key of the model's server.
type KeyStatus struct {
	// Suffix is the key's last four characters, never more.
	Suffix          string
	Group           string
	InFlight        int
	Calls, Failures int64
	// Retired is why the key is out of service, empty where it serves, and RetryIn
	// when it is tried again.
	Retired string
	RetryIn time.Duration
}

// GroupStatus is a set of keys that share one quota.
type GroupStatus struct {
	Name             string
	Limit, InFlight  int
	Requests, Tokens *QuotaStatus // nil: not known
	LearnedPerSecond float64
	CoolDown         time.Duration // 0: none
	BreakerOpen      bool
	Outages          int64
	Outage           *catalog.Outage // nil: the server is not away
	Braked           bool
	Latency          LatencyStatus
	AttemptTimeout   time.Duration
}

// QuotaStatus is a limit of the provider.
type QuotaStatus struct {
	Limit, Remaining, PerSecond float64
	ResetIn                     time.Duration // 0: not known
}

// CacheStatus is the use of the cache.
type CacheStatus struct{ Entries, Bytes, Hits, Misses int64 }

// Settings are what can be changed at run time.
type Settings struct {
	MaxWorkers int
	LogLevel   zapcore.Level
}

// SettingsChange is a change of settings; nil leaves one as it is.
type SettingsChange struct {
	MaxWorkers *int // 1 to 4,096
	LogLevel   *zapcore.Level
}

// operations serves OperationsService.
type operations struct {
	credenzav1.UnimplementedOperationsServiceServer
	operations Operations
	ready      func() bool
}

// GetStatus answers with the state of the process.
func (o *operations) GetStatus(ctx context.Context, _ *credenzav1.GetStatusRequest) (*credenzav1.GetStatusResponse, error) {
	s, err := o.operations.Status(ctx)
	if err != nil {
		return nil, err
	}
	return statusToProto(&s, o.ready()), nil
}

// UpdateSettings changes settings.
func (o *operations) UpdateSettings(ctx context.Context, req *credenzav1.UpdateSettingsRequest) (*credenzav1.UpdateSettingsResponse, error) {
	var change SettingsChange
	if req.MaxWorkers != nil {
		n := int(req.GetMaxWorkers())
		change.MaxWorkers = &n
	}
	if req.LogLevel != nil {
		level := logLevelFromProto(req.GetLogLevel())
		change.LogLevel = &level
	}
	settings, err := o.operations.Update(ctx, change)
	if err != nil {
		return nil, err
	}
	return &credenzav1.UpdateSettingsResponse{Settings: settingsToProto(settings)}, nil
}

func logLevelFromProto(level credenzav1.LogLevel) zapcore.Level {
	switch level {
	case credenzav1.LogLevel_LOG_LEVEL_DEBUG:
		return zapcore.DebugLevel
	case credenzav1.LogLevel_LOG_LEVEL_WARN:
		return zapcore.WarnLevel
	case credenzav1.LogLevel_LOG_LEVEL_ERROR:
		return zapcore.ErrorLevel
	default:
		return zapcore.InfoLevel
	}
}

func logLevelToProto(level zapcore.Level) credenzav1.LogLevel {
	switch {
	case level <= zapcore.DebugLevel:
		return credenzav1.LogLevel_LOG_LEVEL_DEBUG
	case level == zapcore.InfoLevel:
		return credenzav1.LogLevel_LOG_LEVEL_INFO
	case level == zapcore.WarnLevel:
		return credenzav1.LogLevel_LOG_LEVEL_WARN
	default:
		return credenzav1.LogLevel_LOG_LEVEL_ERROR
	}
}

func settingsToProto(s Settings) *credenzav1.Settings {
	return &credenzav1.Settings{MaxWorkers: int32(s.MaxWorkers), LogLevel: logLevelToProto(s.LogLevel)}
}

func statusToProto(s *Status, ready bool) *credenzav1.GetStatusResponse {
	p := &credenzav1.GetStatusResponse{
		Version:   s.Version,
		StartTime: timestamppb.New(s.Start),
		Backend:   s.Backend,
		Model:     s.Model,
		Ready:     ready,
		Pool: &credenzav1.PoolStatus{
			Limit: int32(s.Pool.Limit), InUse: int32(s.Pool.InUse),
			Ceiling: int32(s.Pool.Ceiling), Fixed: s.Pool.Fixed,
		},
		Queue:           &credenzav1.QueueStatus{Interactive: s.Queue.Interactive, Bulk: s.Queue.Bulk},
		UpstreamLatency: latencyToProto(s.Upstream),
		Settings:        settingsToProto(s.Settings),
	}
	for _, k := range s.Keys {
		p.Keys = append(p.Keys, &credenzav1.KeyStatus{
			Suffix: text(k.Suffix), InFlight: int32(k.InFlight), Calls: k.Calls, Failures: k.Failures,
			Group: text(k.Group), RetiredReason: text(k.Retired), RetryIn: durationIfAny(k.RetryIn),
		})
	}
	for i := range s.Groups {
		p.Groups = append(p.Groups, groupToProto(&s.Groups[i]))
	}
	if c := s.Cache; c != nil {
		p.Cache = &credenzav1.CacheStatus{Entries: c.Entries, Bytes: c.Bytes, Hits: c.Hits, Misses: c.Misses}
	}
	return p
}

func groupToProto(g *GroupStatus) *credenzav1.QuotaGroupStatus {
	return &credenzav1.QuotaGroupStatus{
		Name: text(g.Name), Limit: int32(g.Limit), InFlight: int32(g.InFlight),
		Requests: quotaToProto(g.Requests), Tokens: quotaToProto(g.Tokens),
		LearnedPerSecond: g.LearnedPerSecond, CoolDown: durationIfAny(g.CoolDown),
		BreakerOpen: g.BreakerOpen, Outages: g.Outages, Braked: g.Braked,
		Latency: latencyToProto(g.Latency), AttemptTimeout: durationpb.New(g.AttemptTimeout),
		Outage: outageToProto(g.Outage),
	}
}

func quotaToProto(q *QuotaStatus) *credenzav1.QuotaStatus {
	if q == nil {
		return nil
	}
	return &credenzav1.QuotaStatus{
		Limit: q.Limit, Remaining: q.Remaining, PerSecond: q.PerSecond, ResetIn: durationIfAny(q.ResetIn),
	}
}

func latencyToProto(l LatencyStatus) *credenzav1.LatencyStatus {
	return &credenzav1.LatencyStatus{
		Samples: l.Samples,
		Mean:    durationpb.New(l.Mean),
		P50:     durationpb.New(l.P50),
		P95:     durationpb.New(l.P95),
		P99:     durationpb.New(l.P99),
	}
}

// durationIfAny leaves a duration of 0 out.
func durationIfAny(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}
