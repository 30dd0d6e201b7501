package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"io"
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
func (c picturesCommand) Run(ctx context.Context, b bench, w io.Writer) error {
	shop, err := b.role(ctx, "shop", c.Folder)
	if err != nil {
		return err
	}
	defer shop.stop()
	got, err := b.withSim(ctx, func(ctx context.Context, sim *process) (rates, error) {
		return b.measureServer(ctx, pictureWorkers, sim, []string{"CREDENZA_IMAGE_ALLOW=127.0.0.0/8"}, "load-pictures", shop.addr)
	})
	if err != nil {
		return err
	}
	t := &table{w: w}
	t.row("workers", "program", "pict./s", "mean", "of ideal", "goal", "CPU/item", "sim CPU/item")
	t.row(strconv.Itoa(pictureWorkers), "credenza", f1(got.rate), ms(got.mean), pct(got.share), "", us(got.cpu), us(got.sim))
	t.printf("%9speak memory of the service: %s\n", "", mib(got.peak))
	return t.err
}

// runShop serves pictures until it is killed. Its argument is the folder. Its
// address is host:port with the first of its hosts, and how many pictures it has.
func runShop(ctx context.Context, args []string) error {
	pictures, err := gather(args[0])
	if err != nil {
		return err
	}
	server := &http.Server{Handler: shop(pictures), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, shopHosts)
	port := "0"
	for i := range shopHosts {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(shopHost(i), port))
		if err != nil {
			return err
		}
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
func gather(folder string) ([][]byte, error) {
	if folder == generated {
		return generate()
	}
	var all [][]byte
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		all = append(all, data)
		return err
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s has no files: name a folder with pictures, or %q", folder, generated)
	}
	return all, err
}

// generate makes pictures of the sizes that shops have: most fit a model as they
// are, and some have to be shrunk.
func generate() ([][]byte, error) {
	var all [][]byte
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
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 85}); err != nil {
			return nil, err
		}
		all = append(all, b.Bytes())
	}
	return all, nil
}

// runPictures is runLoad with items that only have the address of a picture. Its
// arguments are the service's address and the shop's port.
func runPictures(ctx context.Context, args []string) error {
	return load(ctx, args[0], credenza.Image, func(i int) credenza.Item {
		return credenza.Item{ImageURL: fmt.Sprintf("http://%s/%d", net.JoinHostPort(shopHost(i%shopHosts), args[1]), i)}
	})
}
