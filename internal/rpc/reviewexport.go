package rpc

import (
	"bufio"
	"context"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/export"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Exports makes files of jobs. It is safe for concurrent use. Errors are faults or the
// context's.
type Exports interface {
	// Open reads the results of a job that has ended. The caller closes the file.
	Open(ctx context.Context, who catalog.Owner, id string, format export.Format) (*export.File, error)
}

var exportFormats = map[credenzav1.ExportFormat]export.Format{
	credenzav1.ExportFormat_EXPORT_FORMAT_UNSPECIFIED: export.CSV,
	credenzav1.ExportFormat_EXPORT_FORMAT_CSV:         export.CSV,
	credenzav1.ExportFormat_EXPORT_FORMAT_XLSX:        export.XLSX,
	credenzav1.ExportFormat_EXPORT_FORMAT_JSON_LINES:  export.JSONLines,
	credenzav1.ExportFormat_EXPORT_FORMAT_LABELS:      export.Labels,
}

// pieceBytes is how much of a file is in one message.
const pieceBytes = 256 << 10

// ExportJob streams a job's results as a file.
func (r *reviews) ExportJob(req *credenzav1.ExportJobRequest, stream credenzav1.ReviewService_ExportJobServer) error {
	ctx := stream.Context()
	file, err := r.exports.Open(ctx, ownerOf(ctx), req.GetJobId(), exportFormats[req.GetFormat()])
	if err != nil {
		return err
	}
	defer file.Close()
	if err := sendFault(stream.Send(&credenzav1.ExportJobResponse{FileName: text(file.Name()), ContentType: file.MediaType()})); err != nil {
		return err
	}
	out := bufio.NewWriterSize(pieces{stream}, pieceBytes)
	if err := file.Write(ctx, out); err != nil {
		return err
	}
	return out.Flush()
}

// pieces sends what is written.
type pieces struct {
	stream credenzav1.ReviewService_ExportJobServer
}

// Write sends b, which may be large, in messages of a bounded size.
func (p pieces) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		n := min(len(b), pieceBytes)
		if err := sendFault(p.stream.Send(&credenzav1.ExportJobResponse{Data: b[:n]})); err != nil {
			return written, err
		}
		written += n
		b = b[n:]
	}
	return written, nil
}
