package rpc

import credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"

// reviews serves ReviewService. Its calls for files are in reviewfiles.go, those for
// results in reviewitems.go.
type reviews struct {
	credenzav1.UnimplementedReviewServiceServer
	jobs   Jobs
	limits limits
	// review and labels are for the calls for results.
	review   Reviews
	labels   labels
	files    Files
	exports  Exports
	items    Items
	previews Previews
}
