package rpc

import (
	"context"
	"time"

	"go.uber.org/zap/zapcore"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/upstream"
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
	// Gate is the gate to the model, with no groups if no keys are used.
	Gate upstream.Status
	// Profiles are how models are asked.
	Profiles []catalog.Profile
	// Upstream is over the last answers.
	Upstream upstream.LatencyStatus
	// Cache is nil if there is none.
	Cache    *CacheStatus
	Settings Settings
	// Callers are those that have caps.
	Callers []catalog.CapsInUse
	// Warnings are the last lines of the log of that severity or above, the newest first.
	Warnings []LogLine
}

// LogLine is a line of the log.
type LogLine struct {
	Time    time.Time
	Level   zapcore.Level
	Message string
	Fields  string // JSON
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
		auditChange(ctx, "max_workers", n)
	}
	if req.LogLevel != nil {
		level := logLevelsFromProto[req.GetLogLevel()]
		change.LogLevel = &level
		auditChange(ctx, "log_level", level)
	}
	settings, err := o.operations.Update(ctx, change)
	if err != nil {
		return nil, err
	}
	return &credenzav1.UpdateSettingsResponse{Settings: settingsToProto(settings)}, nil
}

// logLevels has the contract's levels by zap's.
var logLevels = map[zapcore.Level]credenzav1.LogLevel{
	zapcore.DebugLevel: credenzav1.LogLevel_LOG_LEVEL_DEBUG, zapcore.InfoLevel: credenzav1.LogLevel_LOG_LEVEL_INFO,
	zapcore.WarnLevel: credenzav1.LogLevel_LOG_LEVEL_WARN, zapcore.ErrorLevel: credenzav1.LogLevel_LOG_LEVEL_ERROR,
}

// logLevelsFromProto has the level info, which is zap's zero value, for an unspecified one.
var logLevelsFromProto = inverted(logLevels)

func logLevelToProto(level zapcore.Level) credenzav1.LogLevel {
	return logLevels[min(max(level, zapcore.DebugLevel), zapcore.ErrorLevel)]
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
			Limit: int32(s.Gate.Limit), InUse: int32(s.Gate.InFlight),
			Ceiling: int32(s.Gate.Ceiling), Fixed: s.Gate.Fixed > 0,
		},
		Queue: &credenzav1.QueueStatus{
			Interactive: int64(s.Gate.QueuedInteractive), Bulk: int64(s.Gate.QueuedBulk),
		},
		UpstreamLatency: latencyToProto(s.Upstream),
		Settings:        settingsToProto(s.Settings),
	}
	for i := range s.Gate.Groups {
		g := &s.Gate.Groups[i]
		for _, k := range g.Keys {
			p.Keys = append(p.Keys, &credenzav1.KeyStatus{
				Suffix: text(k.Suffix), InFlight: int32(k.InFlight), Calls: k.Calls, Failures: k.Failures,
				Group: text(g.Name), RetiredReason: text(k.Retired), RetryIn: durationIfAny(k.RetryIn),
			})
		}
		p.Groups = append(p.Groups, groupToProto(g))
	}
	for i := range s.Profiles {
		p.Profiles = append(p.Profiles, profileToProto(&s.Profiles[i]))
	}
	if c := s.Cache; c != nil {
		p.Cache = &credenzav1.CacheStatus{Entries: c.Entries, Bytes: c.Bytes, Hits: c.Hits, Misses: c.Misses}
	}
	for i := range s.Warnings {
		line := &s.Warnings[i]
		p.Warnings = append(p.Warnings, &credenzav1.LogLine{
			Time: timestamppb.New(line.Time), Level: logLevelToProto(line.Level), Message: text(line.Message), Fields: text(line.Fields),
		})
	}
	for i := range s.Callers {
		p.Callers = append(p.Callers, callerToProto(&s.Callers[i]))
	}
	return p
}

func callerToProto(from *catalog.CapsInUse) *credenzav1.CallerStatus {
	p := &credenzav1.CallerStatus{Name: from.Caller}
	for c := range catalog.NumCaps {
		if from.Caps[c] > 0 {
			p.Caps = append(p.Caps, &credenzav1.CapStatus{Name: c.String(), Limit: from.Caps[c], Used: from.Used[c]})
		}
	}
	return p
}

func groupToProto(g *upstream.GroupStatus) *credenzav1.QuotaGroupStatus {
	return &credenzav1.QuotaGroupStatus{
		Name: text(g.Name), Limit: int32(g.Limit), InFlight: int32(g.InFlight),
		Requests: quotaToProto(g.Requests), Tokens: quotaToProto(g.Tokens),
		LearnedPerSecond: g.LearnedPerSecond, CoolDown: durationIfAny(g.Paused),
		BreakerOpen: g.Open, Outages: g.Outages, Braked: g.Braked,
		Latency: latencyToProto(g.Latency), AttemptTimeout: durationpb.New(g.Latency.Timeout),
		Outage: outageToProto(g.Outage),
	}
}

func profileToProto(from *catalog.Profile) *credenzav1.ModelProfile {
	p := &credenzav1.ModelProfile{Model: text(from.Model), Settled: from.Settled}
	for _, group := range from.Groups {
		p.Groups = append(p.Groups, text(group))
	}
	for _, part := range from.Parts {
		p.Parts = append(p.Parts, &credenzav1.ProfilePart{
			Name: part.Name, Value: text(part.Value), Source: credenzav1.ProfileSource(part.Source + 1),
		})
	}
	return p
}

// quotaToProto returns nil for a quota that is not known.
func quotaToProto(q upstream.QuotaStatus) *credenzav1.QuotaStatus {
	if !q.Known {
		return nil
	}
	return &credenzav1.QuotaStatus{
		Limit: q.Limit, Remaining: q.Remaining, PerSecond: q.PerSecond, ResetIn: durationIfAny(q.ResetIn),
	}
}

func latencyToProto(l upstream.LatencyStatus) *credenzav1.LatencyStatus {
	return &credenzav1.LatencyStatus{
		Samples: l.Count,
		Mean:    durationpb.New(l.Mean),
		P50:     durationpb.New(l.P50),
		P95:     durationpb.New(l.P95),
		P99:     durationpb.New(l.P99),
		Buckets: bucketsToProto(l.Shares[:]),
	}
}

// bucketsToProto leaves empty buckets out before the first answers and behind the last.
func bucketsToProto(shares []float64) (buckets []*credenzav1.LatencyBucket) {
	filled := 0
	for i, share := range shares {
		if share > 0 {
			filled = i + 1
		}
	}
	for i, share := range shares[:filled] {
		// What is beyond the last bound is within the time that is measured.
		bound := longestLatency
		if i < len(upstream.LatencyBounds) {
			bound = upstream.LatencyBounds[i]
		}
		if share > 0 || len(buckets) > 0 {
			buckets = append(buckets, &credenzav1.LatencyBucket{UpTo: durationpb.New(bound), Share: share})
		}
	}
	return buckets
}

// longestLatency is the end of the last bucket.
const longestLatency = 10 * time.Minute

// durationIfAny leaves a duration of 0 out.
func durationIfAny(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}
