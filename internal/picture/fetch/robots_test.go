package fetch_test

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/credenza-dev/credenza/internal/fault"
)

func TestRobots(t *testing.T) {
	var asked atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/robots.txt" {
			t.Errorf("%s was asked for", r.URL.Path)
		}
		_, _ = fmt.Fprint(w, "User-agent: *\nDisallow: /private\n")
	})
	client := newClient(t, usual())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := client.CheckRobots(t.Context(), parse(t, server.URL+"/private/oak.html")); !fault.Is(err, fault.ImageForbidden) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := client.CheckRobots(t.Context(), parse(t, server.URL+"/oak.html")); err != nil {
		t.Error(err)
	}
	if asked.Load() != 1 {
		t.Errorf("robots.txt was asked for %d times", asked.Load())
	}
}

func TestRobots_Errors(t *testing.T) {
	tests := []struct {
		code   int
		reason string
	}{
		{404, "no error"},
		{403, "no error"},
		{500, "IMAGE_UNREACHABLE"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
			asked := 0
			server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.WriteHeader(tt.code)
			})
			client := newClient(t, usual())
			for range 3 {
				if err := client.CheckRobots(t.Context(), parse(t, server.URL+"/oak.html")); reasonOf(err) != tt.reason {
					t.Error(err)
				}
			}
			if asked != 1 {
				t.Errorf("robots.txt was asked for %d times", asked)
			}
		})
	}
}

func TestRobots_LongFileIsCutOff(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "User-agent: *\nDisallow: /private\n")
		_, _ = w.Write(bytes.Repeat([]byte("# much\n"), 1<<20))
	})
	if err := newClient(t, usual()).CheckRobots(t.Context(), parse(t, server.URL+"/private")); !fault.Is(err, fault.ImageForbidden) {
		t.Error(err)
	}
}
