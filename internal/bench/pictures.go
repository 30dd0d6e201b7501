package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"io/fs"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

const (
	// pictureWorkers is the pool for pictures.
	pictureWorkers = 64
	// shopHosts is how many hosts the shop has. Each gets four connections, and a
	// catalogue has pictures of many.
	shopHosts = 16
	// generated stands for pictures that are made here, instead of a folder.
	generated = "generated"
)

// picturesCommand measures pictures a second through the whole service: fetched from a
// shop on loopback, prepared and classified.
type picturesCommand struct {
	Folder string `arg:"" default:"generated" help:"A folder with pictures, or \"generated\"."`
}

// Run prints a row of figures.
func (c picturesCommand) Run(ctx context.Context, b *bench) error {
	shop := b.role(ctx, "shop", c.Folder)
	defer shop.stop()
	b.row("workers", "program", "pict./s", "mean", "of ideal", "goal", "CPU/item", "sim CPU/item")
	got := b.rates(strconv.Itoa(pictureWorkers), "credenza", "", b.measureService(ctx, pictureWorkers, "", "load-pictures", shop.addr))
	b.printf("%9speak memory of the service: %s\n", "", mib(got.peak))
	return nil
}

// runShop serves pictures until it is killed. Its argument is the folder. Its
// address is the port of all its hosts.
func runShop(ctx context.Context, args []string) error {
	server := &http.Server{Handler: shop(gather(args[0])), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, shopHosts)
	port := "0"
	for i := range shopHosts {
		l := must(new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(shopHost(i), port)))
		_, port, _ = net.SplitHostPort(l.Addr().String())
		go func() { failed <- server.Serve(l) }()
	}
	fmt.Println("ready", port)
	return <-failed
}

func shopHost(i int) string { return fmt.Sprintf("127.0.0.%d", i+1) }

// shop answers /N with picture N modulo their number, with a comment that makes it
// unique, so that the service, which caches pictures by content, has to prepare each.
func shop(pictures [][]byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(strings.Trim(r.URL.Path, "/"))
		if err != nil || n < 0 {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(withComment(pictures[n%len(pictures)], n))
	})
}

// withComment returns a JPEG with a comment segment after its start marker, and other
// data unchanged.
func withComment(data []byte, n int) []byte {
	if !bytes.HasPrefix(data, []byte("\xff\xd8")) {
		return data
	}
	segment := binary.BigEndian.AppendUint64([]byte("\xff\xfe\x00\x0a"), uint64(n))
	return slices.Concat(data[:2], segment, data[2:])
}

// gather returns the files of a folder and its subfolders, or generated pictures.
func gather(folder string) (all [][]byte) {
	if folder == generated {
		return generate()
	}
	check(filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			all = append(all, must(os.ReadFile(path)))
		}
		return err
	}))
	if len(all) == 0 {
		check(fmt.Errorf("%s has no files: name a folder with pictures, or %q", folder, generated))
	}
	return all
}

// generate makes pictures of the sizes that shops have: most fit a model as they
// are, and some have to be shrunk.
func generate() (all [][]byte) {
	for i, side := range []int{300, 400, 500, 500, 600, 700, 1000, 1400} {
		img := image.NewYCbCr(image.Rect(0, 0, side, side), image.YCbCrSubsampleRatio420)
		for y := range side {
			for x := range side {
				wave := math.Sin(float64(x*(i+1))/37) * math.Cos(float64(y)/23)
				img.Y[img.YOffset(x, y)] = uint8(128 + 90*wave + float64((x*7+y*13)%16))
			}
		}
		for j := range img.Cb {
			img.Cb[j], img.Cr[j] = uint8(100+8*i), uint8(150-j%32)
		}
		var b bytes.Buffer
		check(jpeg.Encode(&b, img, &jpeg.Options{Quality: 85}))
		all = append(all, b.Bytes())
	}
	return all
}

// runPictures is runLoad with items that only have the address of a picture. Its
// arguments are the service's address and the shop's port.
func runPictures(ctx context.Context, args []string) error {
	return load(ctx, args[0], credenza.Image, func(i int) credenza.Item {
		return credenza.Item{ImageURL: fmt.Sprintf("http://%s/%d", net.JoinHostPort(shopHost(i%shopHosts), args[1]), i)}
	})
}
