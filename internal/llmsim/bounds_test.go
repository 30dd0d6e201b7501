package llmsim

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestMessagesAreBounded(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for subject := range uint64(maxMessages) {
		s.ask(subject)
	}
	if fresh, known := s.ask(maxMessages), s.ask(1); fresh != 1 || known != 2 {
		t.Errorf("a new message is at its attempt %d, a known one at %d", fresh, known)
	}
	if s.ask(maxMessages) != 1 {
		t.Error("a forgotten message is remembered")
	}
	want := Messages{Distinct: maxMessages, ExtraAsked: 1, Forgotten: 2}
	if got := s.Stats().Messages; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestRequestsAreBounded(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]int{maxBody: http.StatusBadRequest, maxBody + 1: http.StatusRequestEntityTooLarge} {
		for _, length := range []int64{size, -1} { // announced, and chunked
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", io.LimitReader(zeros{}, size))
			r.ContentLength = length
			w := httptest.NewRecorder()
			if s.ServeHTTP(w, r); w.Code != want {
				t.Errorf("%d bytes, announced as %d: %d, want %d", size, length, w.Code, want)
			}
		}
	}
}
