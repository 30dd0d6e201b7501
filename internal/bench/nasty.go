package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // for pictures that are passed on unchanged
	_ "image/jpeg" // for pictures that are encoded again
	_ "image/png"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture"
)

// The goals for difficult pictures.
const (
	nastyTime   = 2 * time.Second
	nastyMemory = 300 << 20
)

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
func (c nastyCommand) Run(ctx context.Context, w io.Writer) error {
	folder := c.Folder
	all, err := readManifest(folder, "file", "expected")
	if err != nil {
		return err
	}
	source, err := picture.New(picture.Config{})
	if err != nil {
		return err
	}
	defer source.Close()
	t := &table{w: w}
	right, slowest, longest := 0, "", time.Duration(0)
	for _, r := range all {
		data, err := os.ReadFile(filepath.Join(folder, r["file"]))
		if err != nil {
			return err
		}
		began := time.Now()
		made, err := source.Picture(ctx, &catalog.Item{ImageData: data})
		took := time.Since(began)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if took > longest {
			slowest, longest = r["file"], took
		}
		if wrong := pictureProblem(r, data, made, err); wrong != nil {
			t.printf("%s: want %s, got: %v\n", r["file"], r["expected"], wrong)
			continue
		}
		right++
	}
	peak, err := memory(os.Getpid(), memoryPeak)
	if err != nil {
		return err
	}
	t.printf("difficult pictures: %d of %d as expected (goal: all)\n", right, len(all))
	t.printf("slowest: %s, %s (goal: %s)\n", slowest, ms(longest), ms(nastyTime))
	t.printf("peak memory of the process: %s (goal: %s)\n", mib(peak), mib(nastyMemory))
	return t.result(right == len(all) && longest <= nastyTime && peak <= nastyMemory)
}

// pictureProblem returns an error if a prepared picture is not as expected.
func pictureProblem(r row, data []byte, made *catalog.Picture, err error) error {
	expected := r["expected"]
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
	if err == nil && !bytes.HasPrefix(data, made.Data) {
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
	case expected == "ok after rotation" && bytes.Equal(made.Data, data):
		return errors.New("the picture as it was, not turned")
	}
	return uprightSize(r, c)
}

// uprightSize returns an error if a result's size does not match the manifest.
func uprightSize(r row, got image.Config) error {
	width, height := atoi(r["width"]), atoi(r["height"])
	if width == 0 || height == 0 {
		return nil // the manifest does not know it
	}
	const turned = 5 // from this orientation on, width and height are swapped
	if atoi(r["exif_orientation"]) >= turned {
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

// atoi returns the number in s, 0 if there is none.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
