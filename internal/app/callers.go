package app

import (
	"context"
	"crypto/rand"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/caps"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/metric"
)

// openAuthority reads the token file, if there is one.
func (a *App) openAuthority() (err error) {
	if a.config.TokenFile == "" {
		a.authority = auth.New(nil)
		return nil
	}
	a.authority, err = auth.Open(a.config.TokenFile)
	return err
}

// openCaps begins to hold callers to the caps of the token file. Without one there are
// none.
func (a *App) openCaps(metrics prometheus.Registerer) {
	if a.config.TokenFile == "" {
		return
	}
	var store caps.Store
	if a.broker != nil {
		store = a.broker.Values("credenza_caps", a.log)
	}
	a.caps = caps.New(a.authority.Caps, store, rand.Text(), a.log)
	a.closers = append(a.closers, a.caps.Close)
	metrics.MustRegister(collector(a.sendCallerFigures))
}

// capsInUse returns the callers that have caps and what they use.
func (a *App) capsInUse(ctx context.Context) []catalog.CapsInUse {
	if a.caps == nil {
		return nil
	}
	all := a.caps.InUse(ctx, a.authority.Names())
	for i := range all {
		if a.jobs == nil {
			continue
		}
		for _, job := range a.jobs.Kept(all[i].Caller) {
			all[i].Used[catalog.CapJobBytes] += job.Bytes
			if job.Active {
				all[i].Used[catalog.CapJobs]++
			}
		}
	}
	return all
}

// sendCallerFigures sends what callers of the token file use on this replica.
func (a *App) sendCallerFigures(to chan<- prometheus.Metric) {
	for caller, s := range a.caps.Stats() {
		metric.CallerItems.Send(to, float64(s.Items), caller)
		metric.CallerTokens.Send(to, float64(s.Tokens), caller)
		metric.CallerInFlight.Send(to, float64(s.InFlight), caller)
		for c := range catalog.NumCaps {
			if s.Caps[c] > 0 {
				metric.CallerCap.Send(to, float64(s.Caps[c]), caller, c.String())
				metric.CallerRefused.Send(to, float64(s.Refused[c]), caller, c.String())
			}
		}
	}
}
