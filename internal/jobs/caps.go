package jobs

import (
	"context"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Caps bounds what each owner may have stored. It is safe for concurrent use.
type Caps interface {
	// HoldJob returns nil if the owner may have a job of so many bytes in addition to
	// those that kept returns, else a CapReached fault. Another call with the id says
	// that the job has grown.
	HoldJob(ctx context.Context, owner, id string, bytes int64, kept func() []catalog.KeptJob) error
	// GrowJob returns nil if a job of the owner may take so many bytes in addition to those
	// that kept returns, else a CapReached fault.
	GrowJob(ctx context.Context, owner string, bytes int64, kept func() []catalog.KeptJob) error
	// ReleaseJob forgets a job that is not stored after all.
	ReleaseJob(ctx context.Context, owner, id string)
}

// holdStep is how many bytes an upload stores before its owner's caps are asked again.
const holdStep = 1 << 20

// hold asks the caps of a job's owner for the upload's bytes.
func (s *Service) hold(ctx context.Context, rec *jobRecord, u *upload) error {
	if s.config.Caps == nil {
		return nil
	}
	u.held = u.total
	return s.config.Caps.HoldJob(ctx, rec.Owner, rec.ID, u.total, func() []catalog.KeptJob { return s.Kept(rec.Owner) })
}

func (s *Service) release(ctx context.Context, rec *jobRecord) {
	if s.config.Caps != nil {
		s.config.Caps.ReleaseJob(context.WithoutCancel(ctx), rec.Owner, rec.ID)
	}
}

// Kept returns the stored jobs of an owner.
func (s *Service) Kept(owner string) []catalog.KeptJob {
	var kept []catalog.KeptJob
	for _, rec := range s.mirror.all(func(rec *jobRecord) bool { return rec.Owner == owner && rec.Deleted == 0 }) {
		kept = append(kept, catalog.KeptJob{ID: rec.ID, Active: rec.active(), Bytes: rec.Bytes + rec.Corrections})
	}
	return kept
}
