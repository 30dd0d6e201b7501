package rpc

import (
	"context"
	"time"

	"go.uber.org/zap/zapcore"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

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
	InFlight        int
	Calls, Failures int64
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
		Queue: &credenzav1.QueueStatus{Interactive: s.Queue.Interactive, Bulk: s.Queue.Bulk},
		UpstreamLatency: &credenzav1.LatencyStatus{
			Samples: s.Upstream.Samples,
			Mean:    durationpb.New(s.Upstream.Mean),
			P50:     durationpb.New(s.Upstream.P50),
			P95:     durationpb.New(s.Upstream.P95),
			P99:     durationpb.New(s.Upstream.P99),
		},
		Settings: settingsToProto(s.Settings),
	}
	for _, k := range s.Keys {
		p.Keys = append(p.Keys, &credenzav1.KeyStatus{
			Suffix: text(k.Suffix), InFlight: int32(k.InFlight), Calls: k.Calls, Failures: k.Failures,
		})
	}
	if c := s.Cache; c != nil {
		p.Cache = &credenzav1.CacheStatus{Entries: c.Entries, Bytes: c.Bytes, Hits: c.Hits, Misses: c.Misses}
	}
	return p
}
