package jobs

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

// position is a place in a job's results. As completed, Major is the sequence of a
// stored message; in order, a chunk's number. Minor counts the results of it that
// are before the place.
type position struct {
	Major uint64 `cbor:"1,keyasint,omitempty"`
	Minor int    `cbor:"2,keyasint,omitempty"`
}

// resume is the content of a resume token: the reader's position and what it has seen.
type resume struct {
	Upload  string   `cbor:"1,keyasint"`
	At      position `cbor:"2,keyasint"`
	Batches int64    `cbor:"3,keyasint,omitempty"`
	Done    int64    `cbor:"4,keyasint,omitempty"`
	Failed  int64    `cbor:"5,keyasint,omitempty"`
	Total   int64    `cbor:"6,keyasint,omitempty"` // a check that the bytes are ours
}

func (r resume) token() string { return encodeToken(r) }

// parseResume reads a token of a job, empty for the beginning.
func parseResume(token string, rec *jobRecord) (resume, error) {
	r := resume{Upload: rec.Upload, Total: rec.Items}
	if token == "" {
		return r, nil
	}
	var got resume
	if !decodeToken(token, &got) || got.Upload != rec.Upload || got.Total != rec.Items || got.At.Minor < 0 {
		return r, fault.Invalid("resume_token", "it does not belong to this job: send the last one that was received, or none to start from the beginning")
	}
	return got, nil
}

// page is the content of a page token: the last job of the page before.
type page struct {
	Created moment `cbor:"1,keyasint"`
	ID      string `cbor:"2,keyasint"`
}

func pageAfter(rec *jobRecord) string { return encodeToken(page{rec.Created, rec.ID}) }

func parsePage(token string) (page, error) {
	var p page
	if token != "" && (!decodeToken(token, &p) || p.ID == "") {
		return p, fault.Invalid("page_token", "it is not from this server: send back next_page_token, or none for the first page")
	}
	return p, nil
}

// before reports whether a record comes after the page in the order of a list.
func (p page) before(rec *jobRecord) bool {
	return p.ID == "" || rec.Created < p.Created || (rec.Created == p.Created && rec.ID > p.ID)
}

func encodeToken(v any) string {
	b, _ := codec.Encode(v) // numbers and strings always have a form
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeToken(token string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(token)
	return err == nil && codec.Decode(b, v) == nil
}

// listed is how far a caller has listed a job's results.
type listed struct {
	At   position `cbor:"1,keyasint"`
	Done int64    `cbor:"2,keyasint,omitempty"` // results before the place, with those that the filter left out
}

// listedToken is the content of a page token for results.
type listedToken struct {
	Place listed `cbor:"1,keyasint"`
	Sum   []byte `cbor:"2,keyasint"` // a checksum, which belongs to one job and filter
}

// token returns the place as a token.
func (l listed) token(rec *jobRecord, filter catalog.ResultFilter) string {
	b, _ := codec.Encode(l) // numbers always have a form
	sum := sha256.Sum256(fmt.Appendf(b, "%s %d", rec.Upload, filter))
	return encodeToken(listedToken{l, sum[:8]})
}

// parseListed reads a token of a job's results, empty for the beginning.
func parseListed(token string, rec *jobRecord, filter catalog.ResultFilter) (listed, error) {
	if token == "" {
		return listed{}, nil
	}
	var got listedToken
	if !decodeToken(token, &got) || got.Place.token(rec, filter) != token {
		return listed{}, fault.Invalid("page_token", "it is not of this job and filter: send back next_page_token, or none for the first page")
	}
	return got.Place, nil
}
