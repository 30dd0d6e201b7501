package app

import (
	"path/filepath"

	"github.com/credenza-dev/credenza/internal/export"
	"github.com/credenza-dev/credenza/internal/productfile"
	"github.com/credenza-dev/credenza/internal/review"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/upload"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// openUploads begins to keep uploaded files: in the data folder, or in a temporary one if a
// cluster keeps the jobs.
func (a *App) openUploads() (err error) {
	dir := a.dataFolder
	if dir == "" {
		if dir, err = a.temporaryDir(); err != nil {
			return err
		}
	}
	a.uploads, err = upload.Open(upload.Config{Dir: filepath.Join(dir, "uploads"), MaxBytes: int64(a.config.MaxUpload), Log: a.log})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, a.uploads.Close)
	return nil
}

// serveJobs adds to the parts of the gRPC edge those that there are with jobs only.
func (a *App) serveJobs(parts *rpc.Parts) {
	reviews := review.New(a.jobs, int64(a.config.ReviewMemory)<<20)
	files := productfile.Config{
		Uploads: a.uploads, Shared: a.cache != nil,
		Pace: func() float64 { status := a.gate.Status(); return pace(&status) },
	}
	if a.words != nil {
		files.Words = a.words
	}
	parts.Jobs, parts.Items, parts.Reviews, parts.Previews = a.jobs, a.jobs, reviews, a.previews
	parts.Files, parts.Exports = productfile.New(files), export.New(a.jobs, reviews)
}

// pace returns how many calls a second the model answers one caller alone, by the latest
// answers and the quotas; 0: it has not answered yet.
func pace(s *upstream.Status) float64 {
	sum := 0.0
	for i := range s.Groups {
		g := &s.Groups[i]
		if g.Latency.Count == 0 || g.Latency.Mean <= 0 {
			continue
		}
		speed := float64(g.Limit) / g.Latency.Mean.Seconds()
		for _, most := range []float64{g.LearnedPerSecond, g.Requests.PerSecond} {
			if most > 0 {
				speed = min(speed, most)
			}
		}
		sum += speed
	}
	return sum
}
