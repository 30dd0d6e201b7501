package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

// page serves the console's files. They need no token; all that they do does.
type page struct{ files map[string]*pageFile } // by path

// pageFile is a file in both forms.
type pageFile struct {
	media  string
	hash   string
	cache  string
	plain  []byte
	packed []byte // by gzip; nil: it is small and stored as it is
}

// packedEnd ends the names of files that are stored packed. Callers ask for them without it.
const packedEnd = ".gz"

// pagePolicy lets the page load its own files and nothing else, and be framed by no page.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
	"font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// hashedName is the name of a file whose content never changes, since its name has its hash.
var hashedName = regexp.MustCompile(`[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$`)

const pageIndex = "index.html"

// newPage reads the page's files. It returns nil without an error if there is no page.
func newPage(files fs.FS) (*page, error) {
	if files == nil {
		return nil, nil //nolint:nilnil // a page is optional
	}
	p := &page{files: map[string]*pageFile{}}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		name, packed := strings.CutSuffix(name, packedEnd)
		p.files[name], err = newPageFile(name, content, packed)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the files of the page: %w", err)
	}
	if p.files[pageIndex] == nil {
		return nil, nil //nolint:nilnil // a page is optional
	}
	return p, nil
}

func newPageFile(name string, content []byte, packed bool) (*pageFile, error) {
	sum := sha256.Sum256(content)
	f := &pageFile{media: mediaOf(name), hash: hex.EncodeToString(sum[:12]), plain: content, cache: "no-cache"}
	if hashedName.MatchString(name) {
		f.cache = "public, max-age=31536000, immutable"
	}
	if !packed {
		return f, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	f.packed = content
	f.plain, err = io.ReadAll(r)
	return f, err
}

// mediaTypes are those that the system may not know, or know otherwise.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".woff2": "font/woff2", ".json": "application/json", ".txt": "text/plain; charset=utf-8",
	".ico": "image/x-icon", ".png": "image/png", ".webmanifest": "application/manifest+json",
}

func mediaOf(name string) string {
	if known := mediaTypes[path.Ext(name)]; known != "" {
		return known
	}
	if known := mime.TypeByExtension(path.Ext(name)); known != "" {
		return known
	}
	return "application/octet-stream"
}

// paths are the patterns of the page's addresses. Deeper folders are not needed, and one
// pattern for all depths would conflict with that of the services.
var pagePaths = []string{"/ui/{$}", "/ui/{file}", "/ui/{folder}/{file}"}

// redirect sends on to the page.
func (p *page) redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/ui/", http.StatusPermanentRedirect)
}

// ServeHTTP answers with a file.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := path.Join(r.PathValue("folder"), r.PathValue("file"))
	if name == "" {
		name = pageIndex
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	f := p.files[name]
	if f == nil {
		notFound(w, r)
		return
	}
	h.Set("Cache-Control", f.cache)
	h.Set("Content-Type", f.media)
	h.Set("Vary", "Accept-Encoding")
	content, tag := f.plain, f.hash
	if f.packed != nil && takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		content, tag = f.packed, f.hash+"-gzip"
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// takesGzip reports whether the answer may be compressed.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return weight != "q=0" && weight != "q=0.0" && weight != "q=0.00" && weight != "q=0.000"
		}
	}
	return false
}
