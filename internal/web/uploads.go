package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/drain"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
)

// Uploads keeps the files that callers upload. It is safe for concurrent use. Errors are
// faults, those of in, or the context's.
type Uploads interface {
	// Put stores a file as it comes. Nothing stays of one that does not come to its end.
	Put(ctx context.Context, who catalog.Owner, name string, in io.Reader) (catalog.Upload, error)
	// MaxBytes is the most that a file may have.
	MaxBytes() int64
}

// uploads serves POST /v1/uploads.
type uploads struct {
	store   Uploads
	callers Callers
	calls   *drain.Calls
}

// formBytes is room for all of a form besides its file.
const formBytes = 64 << 10

type uploadAnswer struct {
	ID    string `json:"upload_id"`
	Bytes int64  `json:"bytes"`
}

func (u *uploads) serve(w *answer, r *http.Request) (string, error) {
	ctx, leave, err := u.calls.Enter(r.Context(), drain.Finite)
	if err != nil {
		return "", err
	}
	defer leave()
	caller, owner, err := u.callers.Uploader(r)
	if err != nil {
		return caller.ID, err
	}
	if r.ContentLength > u.store.MaxBytes()+formBytes {
		return caller.ID, fault.New(fault.MessageTooLarge, "the file has more than %d bytes: divide it, or have the operator raise max-upload-bytes", u.store.MaxBytes())
	}
	// A read that waits for the caller ends soon after the call does.
	defer whenEnded(ctx, func() { _ = w.control.SetReadDeadline(time.Now()) })()
	name, file, err := u.file(r)
	if err != nil {
		return caller.ID, u.explain(ctx, err)
	}
	stored, err := u.store.Put(ctx, owner, name, file)
	if err != nil {
		return caller.ID, u.explain(ctx, err)
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, uploadAnswer{stored.ID, stored.Bytes})
	return caller.ID, nil
}

// file returns the file in a request's body, and its name.
func (u *uploads) file(r *http.Request) (name string, file io.Reader, err error) {
	// What was read is written at once, so it takes no room.
	released := &http.Request{Header: r.Header, Body: &releasedBody{r.Body, intake.From(r.Context())}}
	body, err := unpacked(released, u.store.MaxBytes()+formBytes)
	if err != nil {
		return "", nil, err
	}
	name = r.URL.Query().Get("name")
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return name, body, nil //nolint:nilerr // a raw body may be of any type
	}
	if params["boundary"] == "" {
		return "", nil, fault.New(fault.InvalidRequest, "the form has no boundary: send it as browsers do, or the file alone")
	}
	form := &formFile{form: multipart.NewReader(body, params["boundary"])}
	if err := form.open(); err != nil {
		return "", nil, err
	}
	if name == "" {
		name = form.part.FileName()
	}
	return name, form, nil
}

// explain returns what an error of an upload means to its caller.
func (u *uploads) explain(ctx context.Context, err error) error {
	if known, ok := errors.AsType[*fault.Fault](err); ok {
		return known
	}
	var refused *statusError
	switch {
	case errors.As(err, &refused):
		return err
	case fault.Is(context.Cause(ctx), fault.ShuttingDown):
		return context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &statusError{http.StatusRequestTimeout, "The file did not come in time: send it at once"}
	case errors.Is(err, errNoFile):
		return fault.New(fault.InvalidRequest, "the form has no file: send one with a file name, or the file alone")
	case errors.Is(err, multipart.ErrMessageTooLarge), errors.Is(err, errForm):
		return fault.Wrap(err, fault.InvalidRequest, "the form cannot be read: send it as browsers do, with one file, or the file alone")
	case errors.Is(err, io.ErrUnexpectedEOF), ctx.Err() != nil:
		return fault.Wrap(err, fault.Cancelled, "the file did not come to its end")
	}
	return err
}

// releasedBody is a body whose bytes are handed on as they come, so that they are not held
// until the request ends.
type releasedBody struct {
	io.ReadCloser
	in *intake.Inbound
}

// Read reads what has come.
func (b *releasedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.in.Release(int64(n))
	return n, err
}

var (
	errNoFile = errors.New("the form has no file")
	errForm   = errors.New("the form is damaged")
)

// formFile reads the one file of a form. It ends with the form, so that a file is whole only
// if its form is.
type formFile struct {
	form *multipart.Reader
	part *multipart.Part
}

// open goes to the next part that is a file. Other parts are read over.
func (f *formFile) open() error {
	for {
		part, err := f.form.NextRawPart()
		switch {
		case errors.Is(err, io.EOF):
			return errNoFile
		case err != nil:
			return ofForm(err)
		case part.FileName() != "":
			f.part = part
			return nil
		}
		switch n, err := io.Copy(io.Discard, io.LimitReader(part, formBytes+1)); {
		case err != nil:
			return ofForm(err)
		case n > formBytes:
			return fmt.Errorf("%w: a field is too long", errForm)
		}
	}
}

// ofForm tells errors of a form from those of the connection.
func ofForm(err error) error {
	known, ok := errors.AsType[*fault.Fault](err)
	switch {
	case ok:
		return known
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrDeadlineExceeded):
		return err
	}
	return fmt.Errorf("%w: %w", errForm, err)
}

// Read reads the file.
func (f *formFile) Read(p []byte) (int, error) {
	n, err := f.part.Read(p)
	if err == nil || !errors.Is(err, io.EOF) {
		return n, err
	}
	switch err := f.open(); {
	case errors.Is(err, errNoFile):
		return n, io.EOF
	case err != nil:
		return n, err
	default:
		return n, fmt.Errorf("%w: there is a second file", errForm)
	}
}
