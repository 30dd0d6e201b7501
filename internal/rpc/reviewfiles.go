package rpc

import (
	"cmp"
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/productfile"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Files reads uploaded files. It is safe for concurrent use. Errors are faults or the
// context's.
type Files interface {
	// Describe reads a file and says what it is and takes.
	Describe(ctx context.Context, who catalog.Owner, v productfile.View) (productfile.Description, error)
	// Items returns the rows of a file as items. The caller closes them.
	Items(ctx context.Context, who catalog.Owner, v productfile.View) (*productfile.Items, error)
}

// DescribeUpload describes an uploaded file.
func (r *reviews) DescribeUpload(ctx context.Context, req *credenzav1.DescribeUploadRequest) (*credenzav1.DescribeUploadResponse, error) {
	d, err := r.files.Describe(ctx, ownerOf(ctx), productfile.View{Upload: req.GetUploadId(), Sheet: req.GetSheet(), Overrides: req.GetOverrides()})
	if err != nil {
		return nil, err
	}
	return descriptionToProto(&d), nil
}

func descriptionToProto(d *productfile.Description) *credenzav1.DescribeUploadResponse {
	p := &credenzav1.DescribeUploadResponse{
		FileName: text(d.Name), Format: d.Format, Sheets: texts(d.Sheets), Notes: texts(d.Notes),
		Estimate: &credenzav1.UploadEstimate{
			Rows: d.Total.Rows, Items: d.Total.Items, Calls: d.Total.Calls,
			PromptTokens: d.Total.Prompt, CompletionTokens: d.Total.Completion,
		},
	}
	if d.Total.Duration > 0 {
		p.Estimate.Duration = durationpb.New(d.Total.Duration)
	}
	for _, c := range d.Columns {
		p.Columns = append(p.Columns, &credenzav1.UploadColumn{Name: text(c.Name), Field: c.Field, Samples: texts(c.Samples)})
	}
	for _, cells := range d.Rows {
		p.Rows = append(p.Rows, &credenzav1.Row{Cells: texts(cells)})
	}
	return p
}

// SubmitUpload makes a job of an uploaded file.
func (r *reviews) SubmitUpload(ctx context.Context, req *credenzav1.SubmitUploadRequest) (*credenzav1.SubmitUploadResponse, error) {
	if err := r.limits.checkModel("spec.options.model", req.GetSpec().GetOptions().GetModel()); err != nil {
		return nil, err
	}
	items, err := r.files.Items(ctx, ownerOf(ctx), productfile.View{Upload: req.GetUploadId(), Sheet: req.GetSheet(), Overrides: req.GetOverrides()})
	if err != nil {
		return nil, err
	}
	defer items.Close()
	spec := jobSpecFromProto(req.GetSpec(), ownerOf(ctx))
	spec.Name = cmp.Or(spec.Name, catalog.Clip(text(items.Name()), maxJobName))
	job, err := r.jobs.Create(ctx, spec, items.Next)
	if err != nil {
		return nil, err
	}
	return &credenzav1.SubmitUploadResponse{Job: jobToProto(ctx, &job)}, nil
}

// maxJobName is how long a job's name may be, in bytes.
const maxJobName = 200
