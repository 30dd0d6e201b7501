package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // for pictures that are passed on unchanged
	_ "image/jpeg" // for pictures that are encoded again
	_ "image/png"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture"
	"github.com/credenza-dev/credenza/internal/picture/fetch"
	"github.com/credenza-dev/credenza/internal/picture/page"
)

// The goals for difficult pictures, and the least share of pages whose picture is found.
const (
	nastyTime   = 2 * time.Second
	nastyMemory = 300 << 20
	pagesGoal   = 22.0 / 24
)

// row is a line of a folder's manifest.csv, by the names of its columns, with the file
// that it is about.
type row struct {
	cells map[string]string
	data  []byte
}

// judgeFolder calls judge with each line of a folder's manifest.csv, which has to have the
// wanted columns, and returns the file that took longest and its time.
func judgeFolder(ctx context.Context, folder string, judge func(row), wanted ...string) (slowest string, longest time.Duration) {
	path := filepath.Join(folder, "manifest.csv")
	lines, err := csv.NewReader(bytes.NewReader(must(os.ReadFile(path)))).ReadAll()
	if err == nil && len(lines) < 2 {
		err = errors.New("it names no file")
	}
	for _, name := range wanted {
		if err == nil && !slices.Contains(lines[0], name) {
			err = fmt.Errorf("there is no column %q: a manifest has the columns %q", name, wanted)
		}
	}
	if err != nil {
		check(fmt.Errorf("%s: %w", path, err))
	}
	for _, line := range lines[1:] {
		check(ctx.Err())
		r := row{cells: map[string]string{}}
		for i, name := range lines[0] {
			r.cells[name] = line[i]
		}
		r.data = must(os.ReadFile(filepath.Join(folder, r.cells["file"])))
		began := time.Now()
		judge(r)
		if took := time.Since(began); took > longest {
			slowest, longest = r.cells["file"], took
		}
	}
	return slowest, longest
}

// nastyCommand prepares each picture of a folder as that of an item, and compares the
// result with the folder's manifest.csv. Its columns are file, expected ("ok", "ok after
// rotation", "clear error" or "ok or clear error"), and, for readable pictures, the
// stored width, height and exif_orientation. It prints the pictures that are not as
// expected, the slowest one, and this process's peak memory. The error is errMissed if a
// goal is missed.
type nastyCommand struct {
	Folder string `arg:"" help:"A folder with pictures and a manifest.csv."`
}

// Run judges each picture of the folder.
func (c nastyCommand) Run(ctx context.Context, b *bench) error {
	source := must(picture.New(picture.Config{}))
	defer source.Close()
	right, all := 0, 0
	slowest, longest := judgeFolder(ctx, c.Folder, func(r row) {
		made, err := source.Picture(ctx, &catalog.Item{ImageData: r.data})
		check(ctx.Err())
		all++
		if wrong := pictureProblem(r, made, err); wrong != nil {
			b.printf("%s: want %s, got: %v\n", r.cells["file"], r.cells["expected"], wrong)
			return
		}
		right++
	}, "file", "expected")
	most := peak(os.Getpid())
	b.printf("difficult pictures: %d of %d as expected (goal: all)\n", right, all)
	b.printf("slowest: %s, %s (goal: %s)\n", slowest, ms(longest), ms(nastyTime))
	b.printf("peak memory of the process: %s (goal: %s)\n", mib(most), mib(nastyMemory))
	return reached(right == all && longest <= nastyTime && most <= nastyMemory)
}

// pictureProblem returns an error if a prepared picture is not as expected.
func pictureProblem(r row, made *catalog.Picture, err error) error {
	expected := r.cells["expected"]
	if err != nil {
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok || !strings.HasPrefix(f.Reason.String(), "IMAGE_") || f.Message == "" {
			return fmt.Errorf("an error that is not clear: %w", err)
		}
		if !strings.Contains(expected, "clear error") {
			return err
		}
		return nil
	}
	c, format, err := image.DecodeConfig(bytes.NewReader(made.Data))
	if err == nil && !bytes.HasPrefix(r.data, made.Data) {
		// A picture that was encoded again must decode fully. One that was passed on
		// may have noise that Go's decoder refuses and others accept.
		_, _, err = image.Decode(bytes.NewReader(made.Data))
	}
	switch {
	case !strings.HasPrefix(expected, "ok"):
		return errors.New("a picture")
	case err != nil:
		return fmt.Errorf("a picture that cannot be read: %w", err)
	case made.MediaType != "image/"+format:
		return fmt.Errorf("a picture of type %s that is called %s", format, made.MediaType)
	case expected == "ok after rotation" && bytes.Equal(made.Data, r.data):
		return errors.New("the picture as it was, not turned")
	}
	return uprightSize(r, c)
}

// uprightSize returns an error if a result's size does not match the manifest.
func uprightSize(r row, got image.Config) error {
	width, height := r.number("width"), r.number("height")
	if width == 0 || height == 0 {
		return nil // the manifest does not know it
	}
	const turned = 5 // from this orientation on, width and height are swapped
	if r.number("exif_orientation") >= turned {
		width, height = height, width
	}
	const side = 768
	if longer := max(width, height); longer > side {
		width, height = (width*side+longer/2)/longer, (height*side+longer/2)/longer
	}
	if got.Width != width || got.Height != height {
		return fmt.Errorf("%d x %d pixels instead of %d x %d", got.Width, got.Height, width, height)
	}
	return nil
}

// number returns the number in a column, 0 if there is none.
func (r row) number(column string) int {
	n, _ := strconv.Atoi(r.cells[column])
	return n
}

// pagesCommand looks for the main picture of each page saved in a folder, and
// compares it with the folder's manifest.csv. Its columns are file, page_url, and
// acceptable_images: the right addresses, with " | " between them, or none if the page
// declares no picture. Those pages do not count, but their pictures are printed. The
// error is errMissed if too few are right.
type pagesCommand struct {
	Folder string `arg:"" help:"A folder with saved pages and a manifest.csv."`
}

// Run judges each page of the folder.
func (c pagesCommand) Run(ctx context.Context, b *bench) error {
	right, declaring := 0, 0
	slowest, longest := judgeFolder(ctx, c.Folder, func(r row) {
		got, why := "none", page.Evidence(0)
		if found := must(page.Read(ctx, r.data, "text/html", must(fetch.Parse(r.cells["page_url"])))).Candidates; len(found) > 0 {
			got, why = found[0].Address, found[0].Evidence
		}
		wanted := r.cells["acceptable_images"]
		if wanted == "" {
			b.printf("%s: declares none; guessed: %s\n", r.cells["file"], got)
			return
		}
		declaring++
		if !slices.ContainsFunc(strings.Split(wanted, " | "), func(one string) bool { return plain(one) == plain(got) }) {
			b.printf("%s: want %s, got: %s (%s)\n", r.cells["file"], wanted, got, why)
			return
		}
		right++
	}, "file", "page_url")
	b.printf("pages: %d of %d right, %s (goal: %s)\n", right, declaring,
		pct(float64(right)/float64(max(declaring, 1))), pct(pagesGoal))
	b.printf("slowest: %s, %s\n", slowest, ms(longest))
	return reached(float64(right) >= pagesGoal*float64(declaring))
}

// plain returns an address regardless of how its escapes are written.
func plain(address string) string {
	if s, err := url.PathUnescape(address); err == nil {
		return s
	}
	return address
}
