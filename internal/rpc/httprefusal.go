package rpc

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
)

const (
	mediaJSON  = "application/json"
	mediaProto = "application/proto"
	mediaGRPC  = "application/grpc" // and what begins with it
	// mediaConnectStream is what the types of Connect's streams begin with.
	mediaConnectStream = "application/connect+"
)

// httpRefusal is an answer of HTTP's own to what is no call.
type httpRefusal struct {
	status  int
	code    connect.Code
	message string // ASCII without percent signs, as gRPC's header has it
}

// write answers in the form that the caller's protocol has for it.
func (f *httpRefusal) write(w http.ResponseWriter, r *http.Request) {
	media := r.Header.Get("Content-Type")
	if strings.HasPrefix(media, mediaGRPC) {
		w.Header().Set("Content-Type", media)
		w.Header().Set("Grpc-Status", strconv.Itoa(int(f.code)))
		w.Header().Set("Grpc-Message", f.message)
		w.WriteHeader(http.StatusOK)
		return
	}
	says := map[string]string{"code": f.code.String(), "message": f.message}
	if strings.HasPrefix(media, mediaConnectStream) { // whose clients do not read the body of another status
		end, _ := json.Marshal(map[string]any{"error": says}) // strings can be encoded
		w.Header().Set("Content-Type", media)
		_, _ = w.Write(append(binary.BigEndian.AppendUint32([]byte{endOfStream}, uint32(len(end))), end...)) //nolint:gosec // a sentence
		return
	}
	w.Header().Set("Content-Type", mediaJSON)
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(says)
}

// endOfStream is the flag of the message that ends a stream of Connect.
const endOfStream = 0x02

// timeouts are the forms of the headers with a call's time, Connect's last. gRPC would take
// another form for a fault of ours, and the transcoder would answer in words of its own.
var timeouts = []struct {
	header string
	form   *regexp.Regexp
	says   string
}{
	{"Grpc-Timeout", regexp.MustCompile(`^[0-9]{1,8}[HMSmun]$`), "up to 8 digits and one of H, M, S, m, u and n"},
	{"Connect-Timeout-Ms", regexp.MustCompile(`^[0-9]{1,10}$`), "milliseconds in up to 10 digits"},
}

// badTimeout returns the refusal of a header that is not a duration, else nil. By gRPC and
// gRPC-Web, Connect's header is not read.
func badTimeout(h http.Header) *httpRefusal {
	read := timeouts
	if strings.HasPrefix(h.Get("Content-Type"), mediaGRPC) {
		read = timeouts[:1]
	}
	for _, t := range read {
		if value := h.Get(t.header); value != "" && !t.form.MatchString(value) {
			return &httpRefusal{http.StatusBadRequest, connect.CodeInvalidArgument, "the header " + t.header + " is not a duration: send " + t.says + ", or leave it out"}
		}
	}
	return nil
}

// misfit returns what keeps a request from being a call of its method, else nil.
// It reads no more of the body than its first byte, and nothing of one whose caller
// will be refused: that call goes on without its message, to be logged and counted.
func (h *HTTPHandler) misfit(v *httpVisit, method grpc.MethodInfo) *httpRefusal {
	r := v.request
	plain := nameProtocol(r)
	v.plain = plain
	if refusal := h.unpacker.unpack(v); refusal != nil {
		return refusal
	}
	if refusal := badTimeout(r.Header); refusal != nil {
		return refusal
	}
	media := r.Header.Get("Content-Type")
	switch {
	case r.Method != http.MethodPost && r.Method != http.MethodGet:
		return &httpRefusal{
			http.StatusMethodNotAllowed, connect.CodeUnimplemented,
			"calls are made by POST, and those that only read by GET too: send one of these",
		}
	case r.Method == http.MethodGet && r.URL.Query().Get("connect") != "v1" && !streamed(media):
		return &httpRefusal{
			http.StatusBadRequest, connect.CodeInvalidArgument,
			"the address has no message: add ?connect=v1&encoding=json&message={} with what the method is asked, or call it by POST",
		}
	case r.Method == http.MethodPost && !plain && !streamed(media):
		return &httpRefusal{
			http.StatusUnsupportedMediaType, connect.CodeUnimplemented,
			"this Content-Type is not supported: send application/json or application/proto, for streams application/connect+json or +proto, " +
				"or call by gRPC-Web or gRPC",
		}
	case plain && (method.IsClientStream || method.IsServerStream):
		return &httpRefusal{
			http.StatusUnsupportedMediaType, connect.CodeUnimplemented,
			"this method is a stream: call it as application/connect+json (or +proto), by gRPC-Web or by gRPC",
		}
	case r.ProtoMajor < 2 && (method.IsClientStream && method.IsServerStream || isGRPC(media)):
		return &httpRefusal{
			http.StatusHTTPVersionNotSupported, connect.CodeUnimplemented,
			"gRPC, and a method by which both sides send streams, need HTTP/2: call it by HTTP/2, or another method by gRPC-Web or Connect",
		}
	case r.Method == http.MethodGet && packedQuery(r):
		return &httpRefusal{http.StatusBadRequest, connect.CodeInvalidArgument, "the message in the address is compressed: send it uncompressed"}
	case identityOf(r.Context()).May(serviceOf(r.URL.Path)) != nil:
		v.forgetMessage(media)
		// No read waits for the body, whose deadline would end later calls of the connection.
		v.body.skip(!method.IsClientStream)
	case r.Method == http.MethodGet && badBase64(r):
		return &httpRefusal{http.StatusBadRequest, connect.CodeInvalidArgument, "the message in the address is not in base64: encode it for addresses, or leave base64=1 out"}
	case plain && media == mediaJSON && v.isEmpty():
		return &httpRefusal{http.StatusBadRequest, connect.CodeInvalidArgument, "the body is empty: send JSON, {} at least"}
	case !plain && !method.IsClientStream && r.Method == http.MethodPost:
		if v.isEmpty() {
			return &httpRefusal{http.StatusBadRequest, connect.CodeInvalidArgument, "the body is empty: send one message"}
		}
	}
	return nil
}

// streamed reports whether a type is one of gRPC, gRPC-Web or Connect's streams, whose
// messages have heads.
func streamed(media string) bool {
	media, _, _ = strings.Cut(media, ";")
	for _, known := range []string{mediaGRPC, mediaGRPC + "-web"} {
		if media == known || strings.HasPrefix(media, known+"+") {
			return true
		}
	}
	return strings.HasPrefix(media, mediaConnectStream)
}

// isGRPC reports whether a type is one of gRPC itself.
func isGRPC(media string) bool {
	return streamed(media) && strings.HasPrefix(media, mediaGRPC) && !strings.HasPrefix(media, mediaGRPC+"-web")
}

// nameProtocol says of a POST of plain JSON or protobuf that it is a unary call of
// Connect. Its header for that is left out by hand-written clients, and Connect's
// own servers do not insist on it either.
func nameProtocol(r *http.Request) (plain bool) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || r.Method != http.MethodPost || (media != mediaJSON && media != mediaProto) {
		return false
	}
	r.Header.Set("Content-Type", media)
	if r.Header.Get("Connect-Protocol-Version") == "" {
		r.Header.Set("Connect-Protocol-Version", "1")
	}
	return true
}

// packedQuery reports whether the message of a GET is compressed. No room is taken for
// what it would unpack to.
func packedQuery(r *http.Request) bool {
	compression := r.URL.Query().Get("compression")
	return compression != "" && compression != "identity"
}

// badBase64 reports whether the message of a GET is said to be in base64 and is not.
func badBase64(r *http.Request) bool {
	query := r.URL.Query()
	_, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(query.Get("message"), "="))
	return query.Get("base64") == "1" && err != nil
}

// forgetMessage puts an empty message in the place of the call's own.
func (v *httpVisit) forgetMessage(media string) {
	if v.request.Method != http.MethodGet {
		v.replaceBody(leastMessage(media))
		if v.request.Header.Get("Expect") != "" { // then the body comes only if it is asked for, and closing would wait for it
			v.request.Body = io.NopCloser(v.request.Body)
		}
		return
	}
	address := *v.request.URL
	address.RawQuery = url.Values{"connect": {"v1"}, "encoding": {"json"}, "message": {"{}"}}.Encode()
	v.request.URL = &address
}

// leastMessage returns the body of a call whose message is empty.
func leastMessage(media string) io.Reader {
	const envelope = "\x00\x00\x00\x00"
	switch {
	case media == mediaJSON:
		return strings.NewReader("{}")
	case media == mediaProto:
		return strings.NewReader("")
	case strings.HasSuffix(media, "+json"):
		return strings.NewReader(envelope + "\x02{}")
	default:
		return strings.NewReader(envelope + "\x00")
	}
}

// envelopeBytes is how long the head of a message is: a byte of flags, then the
// message's length.
const envelopeBytes = 5
