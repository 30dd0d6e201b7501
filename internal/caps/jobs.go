package caps

import (
	"context"
	"encoding/json"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// jobTime is how long a job that is held counts, in seconds: longer than replicas take to
// see it among those that are kept, and than an upload takes for a step.
const jobTime = 60

// heldJob is a job that is being stored, and may not yet be seen by all replicas.
type heldJob struct {
	Bytes int64 `json:"bytes"`
	Until int64 `json:"until"` // seconds since 1970
}

// HoldJob returns nil if the owner may have a job of so many bytes in addition to those
// that kept returns, else a CapReached fault. A job that is held counts for a minute,
// and from its next HoldJob for another one. Jobs are few, so the store is asked for each
// of them.
func (k *Keeper) HoldJob(ctx context.Context, owner, id string, bytes int64, kept func() []catalog.KeptJob) error {
	limits, _ := k.callers(owner)
	if limits[catalog.CapJobs] == 0 && limits[catalog.CapJobBytes] == 0 || k.store == nil {
		return nil
	}
	return k.changeJobs(ctx, owner, func(held map[string]heldJob) error {
		now := time.Now()
		active, stored := countJobs(held, kept(), id, now)
		for c, used := range map[catalog.Cap]int64{catalog.CapJobs: active + 1, catalog.CapJobBytes: stored + max(1, bytes)} {
			if limits[c] > 0 && used > limits[c] {
				k.countRefusal(owner, c)
				return refusal(owner, c, limits[c], now)
			}
		}
		held[id] = heldJob{bytes, now.Unix() + jobTime}
		return nil
	})
}

// GrowJob returns nil if a job of the owner may take so many bytes more, else a CapReached
// fault.
func (k *Keeper) GrowJob(ctx context.Context, owner string, bytes int64, kept func() []catalog.KeptJob) error {
	limits, _ := k.callers(owner)
	limit := limits[catalog.CapJobBytes]
	if limit == 0 || k.store == nil {
		return nil
	}
	return k.changeJobs(ctx, owner, func(held map[string]heldJob) error {
		now := time.Now()
		if _, stored := countJobs(held, kept(), "", now); stored+bytes > limit {
			k.countRefusal(owner, catalog.CapJobBytes)
			return refusal(owner, catalog.CapJobBytes, limit, now)
		}
		return nil
	})
}

// ReleaseJob forgets a job that is not stored after all.
func (k *Keeper) ReleaseJob(ctx context.Context, owner, id string) {
	limits, _ := k.callers(owner)
	if limits[catalog.CapJobs] == 0 && limits[catalog.CapJobBytes] == 0 || k.store == nil {
		return
	}
	_ = k.changeJobs(ctx, owner, func(held map[string]heldJob) error { // else it is forgotten a minute later
		delete(held, id)
		return nil
	})
}

// countJobs counts the jobs but one, and removes those from held that have been kept or
// whose time is over.
func countJobs(held map[string]heldJob, kept []catalog.KeptJob, id string, now time.Time) (active, bytes int64) {
	for _, job := range kept {
		if job.ID == id {
			continue
		}
		delete(held, job.ID)
		bytes += job.Bytes
		if job.Active {
			active++
		}
	}
	for other, job := range held {
		switch {
		case job.Until <= now.Unix():
			delete(held, other)
		case other != id:
			active++
			bytes += job.Bytes
		}
	}
	return active, bytes
}

func (k *Keeper) countRefusal(owner string, c catalog.Cap) {
	if a := k.account(owner); a != nil {
		a.mu.Lock()
		a.stats.Refused[c]++
		a.mu.Unlock()
	}
}

// changeJobs changes what the store has of an owner's jobs.
func (k *Keeper) changeJobs(ctx context.Context, owner string, change func(map[string]heldJob) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*storeTime)
	defer cancel()
	key := keyOf(owner) + "/jobs"
	for {
		data, revision, err := k.store.Read(ctx, key)
		held := map[string]heldJob{}
		if err == nil && data != nil {
			err = json.Unmarshal(data, &held)
		}
		if err == nil {
			if err := change(held); err != nil {
				return err
			}
			data, err = json.Marshal(held)
		}
		if err == nil {
			revision, err = k.store.Replace(ctx, key, data, revision)
		}
		if err != nil {
			return fault.Wrap(err, fault.StorageAway, "the caps of %q cannot be looked up now: try again", owner)
		}
		if revision > 0 {
			return nil
		}
	}
}
