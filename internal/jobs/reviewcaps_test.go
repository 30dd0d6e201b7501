package jobs_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/jobs"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// growingCaps refuses jobs that take more than so many bytes.
type growingCaps struct {
	countedCaps
	most int64
}

func (c *growingCaps) GrowJob(_ context.Context, _ string, bytes int64, kept func() []catalog.KeptJob) error {
	for _, job := range kept() {
		bytes += job.Bytes
	}
	if bytes > c.most {
		return fault.New(fault.CapReached, "%d bytes are too many", bytes)
	}
	return nil
}

func TestCorrections_CountForCapsAndRoom(t *testing.T) {
	notes := func() (list []*credenzav1.Correction) {
		for i := range 1000 {
			list = append(list, &credenzav1.Correction{Index: int64(i), Note: strings.Repeat("x", 1000)})
		}
		return list
	}
	for name, tc := range map[string]struct {
		set  setting
		code codes.Code
		most int
	}{
		"caps": {func(c *jobs.Config) { c.Caps = &growingCaps{most: 3 << 20} }, codes.ResourceExhausted, 3},
		"room": {func(c *jobs.Config) { c.MaxBytes = jobs.MinBytes }, codes.ResourceExhausted, 4},
	} {
		t.Run(name, func(t *testing.T) {
			r := single(t, tc.set)
			job := r.create(t, textual, goods(1000, nil))
			r.watch(t, job.ID, nil, 0)
			before := r.Kept("")[0].Bytes
			p := reviewAt(t, r, job.ID)
			stored := 0
			for ; stored <= tc.most; stored++ {
				if _, err := p.try("Ada", notes()...); err != nil {
					if status.Code(err) != tc.code {
						t.Error(err)
					}
					break
				}
			}
			if stored == 0 || stored > tc.most {
				t.Errorf("%d changes of a megabyte were stored", stored)
			}
			if grown := r.Kept("")[0].Bytes - before; grown < int64(stored)*1_000_000 || grown > int64(stored)*1_100_000+64<<10 {
				t.Errorf("the job has grown by %d bytes", grown)
			}
		})
	}
}
