package web_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/upload"
	"github.com/credenza-dev/credenza/internal/web"
)

const uploadsPath = "/v1/uploads"

// uploading serves with a store of uploads in a folder.
func uploading(t *testing.T, s setup, most int64) (*running, *upload.Store, string) {
	t.Helper()
	dir := t.TempDir()
	store, err := upload.Open(upload.Config{Dir: dir, MaxBytes: most})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	s.uploads = store
	return start(t, s), store, dir
}

func packed(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// form returns a form with files, and the header of its type.
func form(t *testing.T, files ...string) (body, header string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	if err := w.WriteField("note", "spring"); err != nil {
		t.Fatal(err)
	}
	for i, content := range files {
		part, err := w.CreateFormFile("file", fmt.Sprintf("chairs-%d.csv", i))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String(), "Content-Type: " + w.FormDataContentType()
}

// left returns the files in a folder.
func left(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestUpload_KeepsTheFileAsItIs(t *testing.T) {
	rows := "name,price\n" + strings.Repeat("Oak chair,99\n", 20_000)
	formBody, formHeader := form(t, rows)
	for name, tt := range map[string]struct {
		path, body, wantName string
		headers              []string
	}{
		"raw":               {uploadsPath + "?name=chairs.csv", rows, "chairs.csv", []string{"Content-Type: text/csv"}},
		"of no type":        {uploadsPath + "?name=..%2Fa%2Fchairs%00.csv", rows, "chairs.csv", nil},
		"without a name":    {uploadsPath, rows, "file", nil},
		"a form":            {uploadsPath, formBody, "chairs-0.csv", []string{formHeader}},
		"a form, named":     {uploadsPath + "?name=b.csv", formBody, "b.csv", []string{formHeader}},
		"compressed":        {uploadsPath + "?name=chairs.csv", packed(t, rows), "chairs.csv", []string{"Content-Encoding: gzip"}},
		"a compressed form": {uploadsPath, packed(t, formBody), "chairs-0.csv", []string{"Content-Encoding: gzip", formHeader}},
	} {
		t.Run(name, func(t *testing.T) {
			// Neither the budget nor the limit of other bodies has room for the file.
			r, store, _ := uploading(t, setup{config: web.Config{MaxBodyBytes: 1 << 10, Intake: intake.New(128 << 10)}}, 1<<20)
			got := r.ask(t, "POST", tt.path, tt.body, tt.headers...)
			var answer struct {
				ID    string `json:"upload_id"`
				Bytes int
			}
			if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.status != 200 || answer.Bytes != len(rows) {
				t.Fatalf("%d %s, want %d bytes (%v)", got.status, got.body, len(rows), err)
			}
			u, file, err := store.Open(catalog.Owner{Name: "shop"}, answer.ID)
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(file)
			_ = file.Close()
			if err != nil || string(content) != rows || u.Name != tt.wantName {
				t.Errorf("%q has %d other bytes (%v)", u.Name, len(content), err)
			}
			if _, _, err := store.Open(catalog.Owner{Name: "other", All: true}, answer.ID); !fault.Is(err, fault.NotFound) {
				t.Errorf("another caller: %v", err)
			}
		})
	}
}

func TestUpload_RefusedLeavesNothing(t *testing.T) {
	twoFiles, formHeader := form(t, "a", "b")
	none, noneHeader := form(t)
	whole, wholeHeader := form(t, strings.Repeat("a,b\n", 1000))
	bomb := packed(t, strings.Repeat("\x00", 30<<20))
	for name, tt := range map[string]struct {
		body    string
		headers []string
		want    int
	}{
		"too large":          {strings.Repeat("x", 9<<20), nil, 413},
		"too large unpacked": {packed(t, strings.Repeat("some, rows\n", 1<<20)), []string{"Content-Encoding: gzip"}, 413},
		"a bomb":             {bomb, []string{"Content-Encoding: gzip"}, 413},
		"no gzip":            {"name\n", []string{"Content-Encoding: gzip"}, 400},
		"cut gzip":           {packed(t, "name\noak\n")[:20], []string{"Content-Encoding: gzip"}, 400},
		"other encoding":     {"name\n", []string{"Content-Encoding: br"}, 415},
		"empty":              {"", nil, 400},
		"two files":          {twoFiles, []string{formHeader}, 400},
		"no file":            {none, []string{noneHeader}, 400},
		"no boundary":        {none, []string{"Content-Type: multipart/form-data"}, 400},
		"another boundary":   {none, []string{"Content-Type: multipart/form-data; boundary=xyz"}, 400},
		"a cut form":         {whole[:3000], []string{wholeHeader}, 499},
		"a foreign page":     {"name\n", []string{"Origin: https://elsewhere.example"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, dir := uploading(t, setup{config: web.Config{Origins: []string{"https://shop.example"}}}, 8<<20)
			got := r.ask(t, "POST", uploadsPath, tt.body, tt.headers...)
			if got.status != tt.want || left(t, dir) != nil {
				t.Errorf("%d %s, want %d; left: %v", got.status, got.body, tt.want, left(t, dir))
			}
		})
	}
	t.Run("no token", func(t *testing.T) {
		r, _, dir := uploading(t, setup{callers: fakeCallers{fault.New(fault.Unauthenticated, "no token")}}, 0)
		if got := r.ask(t, "POST", uploadsPath, "name\n"); got.status != 401 || left(t, dir) != nil {
			t.Errorf("%+v", got)
		}
	})
	t.Run("GET", func(t *testing.T) {
		r, _, _ := uploading(t, setup{}, 0)
		if got := r.ask(t, "GET", uploadsPath, ""); got.status != 405 {
			t.Errorf("%+v", got)
		}
	})
}

func TestUpload_SlowOrBrokenOffLeavesNothing(t *testing.T) {
	for name, send := range map[string]func(conn io.WriteCloser){
		"a byte a second": func(conn io.WriteCloser) {
			for range 120 {
				if _, err := io.WriteString(conn, "x"); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
		"silent":     func(io.WriteCloser) { time.Sleep(2 * time.Minute) },
		"broken off": func(conn io.WriteCloser) { _, _ = io.WriteString(conn, "name\noak\n"); _ = conn.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				t.Cleanup(func() { time.Sleep(time.Second) }) // net/http closes a connection slowly
				r, _, dir := uploading(t, setup{}, 1<<20)
				conn := r.dial(t)
				announce(t, conn, uploadsPath, 1<<20)
				go send(conn)
				synctest.Wait()
				if name != "broken off" && len(left(t, dir)) != 1 {
					t.Errorf("in flight: %v", left(t, dir))
				}
				began := time.Now()
				if name != "broken off" {
					res, err := http.ReadResponse(bufio.NewReader(conn), nil)
					if err != nil || res.StatusCode != http.StatusRequestTimeout || time.Since(began) > time.Minute {
						t.Errorf("after %v: %v %v", time.Since(began), res, err)
					}
					_ = conn.(io.Closer).Close()
				}
				time.Sleep(3 * time.Minute)
				if files := left(t, dir); files != nil {
					t.Errorf("left: %v", files)
				}
			})
		})
	}
}

func TestUpload_EndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Second) }) // net/http closes a connection slowly
		r, _, dir := uploading(t, setup{}, 1<<20)
		conn := r.dial(t)
		announce(t, conn, uploadsPath, 1<<20)
		_, _ = io.WriteString(conn, "name\n")
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := r.Drain(ctx); err == nil || time.Since(began) > 3*time.Second {
			t.Errorf("the drain took %v: %v", time.Since(began), err)
		}
		if files := left(t, dir); files != nil {
			t.Errorf("left: %v", files)
		}
	})
}

func TestUpload_SurvivesARestartAndExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		owner := catalog.Owner{Name: "shop"}
		open := func() *upload.Store {
			store, err := upload.Open(upload.Config{Dir: dir, MaxBytes: 100})
			if err != nil {
				t.Fatal(err)
			}
			return store
		}
		store := open()
		put := func(who string) string {
			u, err := store.Put(t.Context(), catalog.Owner{Name: who}, "a.csv", strings.NewReader(strings.Repeat("x", 100)))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			return u.ID
		}
		has := func(who catalog.Owner, id string) bool {
			_, file, err := store.Open(who, id)
			if err == nil {
				_ = file.Close()
			}
			return err == nil
		}
		first := put("shop")
		store.Close()
		for _, name := range []string{"torn.tmp", "alone.json", "alone.data"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		store = open()
		defer func() { store.Close() }()
		if !has(owner, first) || len(left(t, dir)) != 2 {
			t.Errorf("after a restart there are %v", left(t, dir))
		}
		ids := []string{first}
		for range 4 { // four of the largest size have room
			ids = append(ids, put("shop"))
		}
		if has(owner, ids[0]) || !has(owner, ids[1]) {
			t.Error("the oldest has not made room")
		}
		for i := range 12 {
			put(fmt.Sprint("other ", i))
		}
		put("one more") // there is room for 16 in all
		if has(owner, ids[1]) || !has(owner, ids[2]) {
			t.Error("the oldest of the caller with the most bytes has not made room")
		}
		time.Sleep(25 * time.Hour)
		if has(owner, ids[4]) || left(t, dir) != nil {
			t.Errorf("after a day there are %v", left(t, dir))
		}
	})
}

// Chunks that are none of HTTP are the caller's doing, not the server's.
func TestUpload_OfBadChunksIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Second) }) // net/http closes a connection slowly
		r, _, dir := uploading(t, setup{}, 1<<20)
		conn := r.dial(t)
		if _, err := io.WriteString(conn, "POST "+uploadsPath+" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nname\n\r\nzz\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusBadRequest {
			t.Errorf("got %v %v", res, err)
		}
		_ = conn.(io.Closer).Close()
		time.Sleep(time.Minute)
		if files := left(t, dir); files != nil {
			t.Errorf("left: %v", files)
		}
	})
}
