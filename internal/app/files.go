package app

import (
	"io/fs"
	"path/filepath"

	"github.com/credenza-dev/credenza/internal/export"
	"github.com/credenza-dev/credenza/internal/productfile"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/upload"
	"github.com/credenza-dev/credenza/internal/upstream"
	"github.com/credenza-dev/credenza/internal/web"
	"github.com/credenza-dev/credenza/internal/web/ui"
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

// servedUploads returns the uploads for callers, nil without jobs.
func (a *App) servedUploads() web.Uploads {
	if a.uploads == nil {
		return nil
	}
	return a.uploads
}

// servedPage returns the console's files, nil without jobs.
func (a *App) servedPage() fs.FS {
	if a.jobs == nil {
		return nil
	}
	return ui.Files()
}

// servedFiles returns the reader of uploaded files, nil without jobs.
func (a *App) servedFiles() rpc.Files {
	if a.uploads == nil {
		return nil
	}
	config := productfile.Config{
		Uploads: a.uploads, Shared: a.cache != nil,
		Pace: func() float64 { status := a.gate.Status(); return pace(&status) },
	}
	if a.words != nil {
		config.Words = a.words
	}
	return productfile.New(config)
}

// servedExports returns the files of jobs, with the corrections of reviews, nil without jobs.
func (a *App) servedExports(reviews rpc.Reviews) rpc.Exports {
	if a.jobs == nil {
		return nil
	}
	return export.New(a.jobs, reviews)
}

// servedItems returns the items of jobs, nil without jobs.
func (a *App) servedItems() rpc.Items {
	if a.jobs == nil {
		return nil
	}
	return a.jobs
}

// servedPreviews returns the pictures of items for people.
func (a *App) servedPreviews() rpc.Previews { return a.previews }

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
