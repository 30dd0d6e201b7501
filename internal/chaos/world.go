package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// workers bounds the calls to the model of each replica, so that the model and not the
// machine decides the throughput. The limit below it stays adaptive.
const workers = 24

// Small enough for the disk to be filled in no time, large enough for all jobs at once.
const (
	diskMiB  = 512
	jobsMiB  = 384
	cacheMiB = 32
)

// world is all processes and the links between them.
type world struct {
	options
	dir       string
	book      *book
	abort     func() // ends the run
	self      string
	authority *authority
	tokens    *tokenFile
	model     *process
	modelAddr string
	nats      *process
	replicas  []*replica
	disk      *disk // of the embedded store
	natsDisk  *disk
	links     []*link
}

// replica is a process of the service and the links to and from it. Those of clients lead to
// its addresses.
type replica struct {
	*process
	store                   string // replicas with the same one share their jobs
	grpcAddr, httpAddr      string
	admin                   string
	grpc, web, toModel, toN *link // toN is nil without NATS
}

// newWorld starts everything. Without the model nothing can be judged: if that ends, abort is called.
func newWorld(ctx context.Context, abort func(), o options, dir string, b *book) (w *world, err error) {
	w = &world{options: o, dir: dir, book: b, abort: abort}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.self, err = os.Executable(); err != nil {
		return w, err
	}
	if w.authority, err = newAuthority(dir); err != nil {
		return w, err
	}
	if w.tokens, err = newTokenFile(dir); err != nil {
		return w, err
	}
	w.disk, w.natsDisk = newDisk(filepath.Join(dir, "disk")), newDisk(filepath.Join(dir, "nats"))
	if err := w.startModel(ctx); err != nil {
		return w, err
	}
	natsAddress, err := w.startNATS(ctx)
	if err != nil {
		return w, err
	}
	for _, name := range []string{"a", "b", "c"} {
		to := natsAddress
		if name == "c" {
			to = ""
		}
		r, err := w.newReplica(ctx, name, to)
		if err != nil {
			return w, err
		}
		w.replicas = append(w.replicas, r)
		if err := r.start(ctx); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *world) startModel(ctx context.Context) (err error) {
	if w.modelAddr, err = freeAddress(ctx); err != nil {
		return err
	}
	w.model, err = w.newProcess("model", filepath.Join(w.bin, "llmsim"),
		[]string{"--addr=" + w.modelAddr, "--seed=1", "--median=200ms", "--sigma=0.5"})
	if err != nil {
		return err
	}
	w.model.vital = w.abort
	w.model.ready = func(ctx context.Context) error {
		_, err := w.get(ctx, "http://"+w.modelAddr+"/healthz")
		return err
	}
	return w.model.start(ctx)
}

func (w *world) startNATS(ctx context.Context) (address string, err error) {
	if address, err = freeAddress(ctx); err != nil {
		return "", err
	}
	if w.nats, err = w.newProcess("nats", w.self, []string{natsRole, address, w.natsDisk.folder}); err != nil {
		return "", err
	}
	w.nats.ready = connects(address)
	return address, w.nats.start(ctx)
}

// newReplica prepares a replica that keeps its jobs in NATS at an address, or in a folder of
// its own on the small disk.
func (w *world) newReplica(ctx context.Context, name, natsAddress string) (*replica, error) {
	r := &replica{store: "NATS"}
	for _, address := range []*string{&r.grpcAddr, &r.httpAddr, &r.admin} {
		var err error
		if *address, err = freeAddress(ctx); err != nil {
			return nil, err
		}
	}
	links := []struct {
		to   **link
		name string
		addr string
	}{
		{&r.grpc, "clients-" + name + " (gRPC)", r.grpcAddr},
		{&r.web, "clients-" + name + " (HTTP)", r.httpAddr},
		{&r.toModel, name + "-model", w.modelAddr},
		{&r.toN, name + "-NATS", natsAddress},
	}
	for _, l := range links {
		if l.addr == "" {
			continue
		}
		made, err := newLink(ctx, l.name, l.addr)
		if err != nil {
			return nil, err
		}
		*l.to = made
		w.links = append(w.links, made)
	}
	var err error
	if r.process, err = w.newProcess(name, filepath.Join(w.bin, "credenza"), []string{"serve"}); err != nil {
		return nil, err
	}
	r.env = w.environment(r, natsAddress)
	r.ready = func(ctx context.Context) error { return w.prepare(ctx, r) }
	return r, nil
}

func (w *world) environment(r *replica, natsAddress string) []string {
	env := []string{
		"CREDENZA_GRPC_ADDR=" + r.grpcAddr, "CREDENZA_HTTP_ADDR=" + r.httpAddr, "CREDENZA_ADMIN_ADDR=" + r.admin,
		"OPENAI_API_KEY=sk-chaos", "OPENAI_BASE_URL=http://" + r.toModel.address() + "/v1", "OPENAI_MODEL=gpt-4o-mini",
		"CREDENZA_TLS_CERT=" + w.authority.certificate(), "CREDENZA_TLS_KEY=" + w.authority.privateKey(),
		"CREDENZA_TOKEN_FILE=" + w.tokens.path, "CREDENZA_LOG_FORMAT=json", "CREDENZA_DRAIN_TIMEOUT=5s",
		"CREDENZA_BULK_SHARE=0.4", // jobs are what has most to lose
		"CREDENZA_CACHE_MEMORY_MIB=8", fmt.Sprintf("CREDENZA_CACHE_MAX_MIB=%d", cacheMiB), fmt.Sprintf("CREDENZA_JOBS_MAX_MIB=%d", jobsMiB),
	}
	if natsAddress != "" {
		return append(env, "CREDENZA_NATS_URL=nats://"+r.toN.address(), "CREDENZA_NATS_REPLICAS=1")
	}
	r.store = "disk"
	return append(env, "CREDENZA_DATA_DIR="+w.disk.folder)
}

// prepare waits until a replica is ready, and bounds its workers.
func (w *world) prepare(ctx context.Context, r *replica) error {
	if _, err := w.get(ctx, "https://"+r.httpAddr+"/readyz"); err != nil {
		return err
	}
	c, err := w.dial(r.grpcAddr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err = c.UpdateSettings(ctx, credenza.Settings{MaxWorkers: workers})
	return err
}

// get returns the text of an answer with status 200. Any other status is an error.
func (w *world) get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{TLSClientConfig: w.authority.client(), DisableKeepAlives: true}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, res.Status)
	}
	raw, err := io.ReadAll(res.Body)
	return string(raw), err
}

// sharing returns the replicas with a store.
func (w *world) sharing(store string) (all []*replica) {
	for _, r := range w.replicas {
		if r.store == store {
			all = append(all, r)
		}
	}
	return all
}

// close ends all processes: the replicas as an operator would, and the rest.
func (w *world) close() {
	for _, r := range w.replicas {
		r.signal(syscall.SIGCONT)
		w.book.check("at the end", r.end(syscall.SIGTERM, 30*time.Second))
	}
	for _, p := range []*process{w.nats, w.model} {
		if p != nil {
			p.signal(syscall.SIGCONT)
			_ = p.end(syscall.SIGTERM, 10*time.Second)
		}
	}
	for _, l := range w.links {
		l.proxy.Stop()
	}
	for _, d := range []*disk{w.disk, w.natsDisk} {
		if d != nil {
			d.close()
		}
	}
}

// disk is a small file system, if this process may mount one.
type disk struct {
	folder  string
	mounted bool
}

func newDisk(folder string) *disk {
	d := &disk{folder: folder}
	if os.MkdirAll(folder, 0o700) == nil {
		d.mounted = syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", diskMiB)) == nil
	}
	return d
}

func (d *disk) ballast() string { return filepath.Join(d.folder, "ballast") }

// fill leaves no room.
func (d *disk) fill() error {
	if !d.mounted {
		return errors.New("nothing can be mounted")
	}
	f, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for size := len(block); size >= 512; {
		if _, err := f.Write(block[:size]); err != nil {
			size /= 2
		}
	}
	return f.Close()
}

func (d *disk) free() error { return os.Remove(d.ballast()) }

func (d *disk) close() {
	if d.mounted {
		_ = syscall.Unmount(d.folder, syscall.MNT_DETACH) // removed with its folder otherwise
	}
}
