package fetch

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

func TestRobots_SilentHostIsRequestedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		client := inMemory(t, usual(), func(_ http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			<-r.Context().Done()
		})
		begin := time.Now()
		look := func() {
			u, _ := Parse("http://shop.example/oak.html")
			if err := client.CheckRobots(t.Context(), u); !fault.Is(err, fault.ImageUnreachable) {
				t.Error(err)
			}
		}
		for range 20 {
			look()
		}
		if took := time.Since(begin); asked.Load() != 1 || took != robotsTimeout {
			t.Errorf("robots.txt was asked for %d times in %v", asked.Load(), took)
		}
		time.Sleep(silentTTL + 1)
		if look(); asked.Load() != 2 {
			t.Error("the host is taken for dead for ever")
		}
	})
}

func TestRobots_RequestedAgainAfterACallerLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := inMemory(t, usual(), func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusNotFound)
		})
		u, _ := Parse("http://shop.example/oak.html")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := client.CheckRobots(ctx, u); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := client.CheckRobots(t.Context(), u); err != nil {
			t.Error("the others got the one's error:", err)
		}
		time.Sleep(time.Minute) // for the shop to end
	})
}

func TestRobots_Rules(t *testing.T) {
	tests := []struct {
		name, robots, path string
		want               bool
	}{
		{"nothing", "", "/a", true},
		{"everything forbidden", "User-agent: *\nDisallow: /", "/a", false},
		{"empty rule", "User-agent: *\nDisallow:", "/a", true},
		{"another program", "User-agent: Other\nDisallow: /", "/a", true},
		{"by our name", "User-agent: *\nAllow: /\n\nUser-agent: credenza\nDisallow: /", "/a", false},
		{"by our name and version", "User-agent: Credenza/2.0\nDisallow: /", "/a", false},
		{"a longer name", "User-agent: CredenzaBot\nDisallow: /", "/a", true},
		{"our own group wins", "User-agent: *\nDisallow: /\nUser-agent: Credenza\nDisallow: /b", "/a", true},
		{"a group of several", "User-agent: Other\nUser-agent: Credenza\nDisallow: /", "/a", false},
		{"groups are joined", "User-agent: Credenza\nDisallow: /a\nUser-agent: Other\nDisallow: /c\nUser-agent: Credenza\nDisallow: /b", "/a", false},
		{"the longest wins", "User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", true},
		{"a tie allows", "User-agent: *\nDisallow: /a\nAllow: /a", "/a", true},
		{"a star", "User-agent: *\nDisallow: /*.html", "/p/oak.html?x", false},
		{"two stars", "User-agent: *\nDisallow: /*/p/*?q=", "/de/p/oak?q=1", false},
		{"an end", "User-agent: *\nDisallow: /*.php$", "/a.php?x", true},
		{"an end that is there", "User-agent: *\nDisallow: /*.php$", "/a.php.php", false},
		{"a whole path", "User-agent: *\nDisallow: /a$", "/ab", true},
		{"a query", "User-agent: *\nDisallow: /p?id=", "/p?id=7", false},
		{"escapes", "User-agent: *\nDisallow: /stühle", "/st%C3%BChle", false},
		{"escapes that are not needed", "User-agent: *\nDisallow: /~ann%2dx", "/%7eann-x", false},
		{"escapes in small letters", "User-agent: *\nDisallow: /st%c3%bchle", "/st%C3%BChle", false},
		{"an escaped slash is none", "User-agent: *\nDisallow: /a/b", "/a%2fb", true},
		{"an escaped slash", "User-agent: *\nDisallow: /a%2Fb", "/a%2fb", false},
		{"bars", "User-agent: *\nDisallow: /a|b", "/a%7Cb", false},
		{"comments and case", "USER-AGENT: * # all\r\nDISALLOW: /a # no\r\n", "/a", false},
		{"a byte order mark", "\ufeffUser-agent: *\nDisallow: /a", "/a", false},
		{"rules without a group", "Disallow: /", "/a", true},
		{"other lines", "User-agent: *\nCrawl-delay: 5\nDisallow: /a\nSitemap: https://shop.example/s.xml", "/a", false},
		{"a page instead", "<!DOCTYPE html><p>Disallow: /", "/a", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := parseRobots([]byte(tt.robots)).allows(tt.path); got != tt.want {
				t.Errorf("%s is allowed: %v", tt.path, got)
			}
		})
	}
}

// FuzzRobots checks that groups of other programs do not change our own group, and that
// escapes make no difference.
func FuzzRobots(f *testing.F) {
	f.Add("User-agent: *\nDisallow: /*a*b$\nAllow: /%", "/a")
	f.Add("User-agent: *\nDisallow: /%7e*%2F", "/~%2f|")
	f.Fuzz(func(t *testing.T, text, path string) {
		if len(text) > 1000 {
			return
		}
		path = "/" + path
		if r := parseRobots([]byte(text)); r.allows(path) != r.allows(normal(path)) {
			t.Errorf("%q is not decided as %q is", path, normal(path))
		}
		if strings.Contains(strings.ToLower(text), "credenza") {
			return
		}
		ours := parseRobots([]byte(text + "\nUser-agent: Credenza\nDisallow: /\nAllow: /a\n"))
		if ours.allows(path) != strings.HasPrefix(normal(path), "/a") {
			t.Errorf("%q is decided wrongly", path)
		}
	})
}
