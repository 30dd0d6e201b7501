package app_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// filing is a whole service on loopback, with what uploads and exports files.
type filing struct {
	credenzav1.ReviewServiceClient
	app    *app.App
	client *credenza.Client
	conn   *grpc.ClientConn
	token  string
}

// serveFiles starts a service with the offline classifier in a data folder.
func serveFiles(t testing.TB, dir string, flags ...string) *filing {
	t.Helper()
	config, err := parse(append([]string{"--backend=offline", "--data-dir=" + dir}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	s := &filing{}
	if s.app, err = app.Start(t.Context(), config, app.Options{LogTo: io.Discard}); err != nil {
		t.Fatal(err)
	}
	if s.conn, err = grpc.NewClient(s.app.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	s.ReviewServiceClient = credenzav1.NewReviewServiceClient(s.conn)
	if s.client, err = credenza.Dial(s.app.GRPCAddr(), credenza.WithPlaintext()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *filing) close(t testing.TB) {
	t.Helper()
	_, _ = s.conn.Close(), s.client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.app.Close(ctx); err != nil {
		t.Error(err)
	}
}

// upload uploads a file and returns its id.
func (s *filing) upload(t testing.TB, name, content string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.app.HTTPAddr()+"/v1/uploads?name="+name, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close(); http.DefaultClient.CloseIdleConnections() }()
	var answer struct {
		ID    string `json:"upload_id"`
		Bytes int
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusOK || answer.Bytes != len(content) {
		t.Fatalf("%s: %d %+v (%v)", name, res.StatusCode, answer, err)
	}
	return answer.ID
}

// submit makes a job of an upload and waits for its end.
func (s *filing) submit(t testing.TB, upload string) *credenzav1.Job {
	t.Helper()
	made, err := s.SubmitUpload(t.Context(), &credenzav1.SubmitUploadRequest{UploadId: upload})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range s.client.WatchJob(t.Context(), made.GetJob().GetJobId(), "").Results() {
		if err != nil {
			t.Fatal(err)
		}
	}
	return made.GetJob()
}

// export returns a job's results as a file, and its name.
func (s *filing) export(t testing.TB, job string, format credenzav1.ExportFormat) (name string, content []byte) {
	t.Helper()
	stream, err := s.ExportJob(t.Context(), &credenzav1.ExportJobRequest{JobId: job, Format: format})
	if err != nil {
		t.Fatal(err)
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return name, content
		}
		if err != nil {
			t.Fatal(err)
		}
		name += part.GetFileName()
		content = append(content, part.GetData()...)
	}
}

// shopRow is a row of the files in these tests.
type shopRow struct {
	ID    string `parquet:"id" json:"id"`
	Title string `parquet:"title" json:"title"`
	Price string `parquet:"price" json:"price"`
	Note  string `parquet:"note" json:"note"`
}

var shopRows = []shopRow{
	{"a-1", "Oak chair", "99", "=HYPERLINK(1)"}, {"a-2", "Linen sofa", "1450", "a, \"b\"\nc"}, {"a-3", "", "", ""},
}

// shopFiles are these rows in each format.
func shopFiles(t testing.TB) map[string]string {
	t.Helper()
	var asCSV, asGzip, asXLSX, asParquet, asJSON bytes.Buffer
	sheet := excelize.NewFile()
	w := csv.NewWriter(&asCSV)
	header := []string{"id", "title", "price", "note"}
	_ = w.Write(header)
	_ = sheet.SetSheetRow("Sheet1", "A1", &header)
	var feed strings.Builder
	for i, row := range shopRows {
		cells := []string{row.ID, row.Title, row.Price, row.Note}
		_ = w.Write(cells)
		_ = sheet.SetSheetRow("Sheet1", fmt.Sprint("A", i+2), &cells)
		line, _ := json.Marshal(row)
		asJSON.Write(append(line, '\n'))
		fmt.Fprintf(&feed, "<item><id>%s</id><title>%s</title><price>%s</price><note>%s</note></item>", row.ID, row.Title, row.Price, strings.ReplaceAll(row.Note, "\n", " "))
	}
	w.Flush()
	z := gzip.NewWriter(&asGzip)
	_, _ = z.Write(asCSV.Bytes())
	if err := errors.Join(z.Close(), sheet.Write(&asXLSX), sheet.Close(), parquet.Write(&asParquet, shopRows)); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"csv": asCSV.String(), "csv.gz": asGzip.String(), "xlsx": asXLSX.String(), "parquet": asParquet.String(), "json": asJSON.String(),
		"xml": `<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel>` + feed.String() + `</channel></rss>`,
	}
}

func TestUpload_EachFormatBecomesAJobAndAFileAgain(t *testing.T) {
	s := serveFiles(t, t.TempDir())
	defer s.close(t)
	for kind, content := range shopFiles(t) {
		t.Run(kind, func(t *testing.T) {
			id := s.upload(t, "shop."+kind, content)
			d, err := s.DescribeUpload(t.Context(), &credenzav1.DescribeUploadRequest{UploadId: id, Overrides: map[string]string{"price": ""}})
			if err != nil {
				t.Fatal(err)
			}
			fields := map[string]string{}
			for _, c := range d.GetColumns() {
				fields[c.GetName()] = c.GetField()
			}
			if d.GetFileName() != "shop."+kind || d.GetFormat() != strings.TrimSuffix(kind, ".gz") ||
				fields["title"] != "product_name" || fields["id"] != "id" || fields["price"] != "" || fields["note"] != "attributes" {
				t.Errorf("%v", d)
			}
			if e := d.GetEstimate(); e.GetRows() != 3 || e.GetItems() != 3 || e.GetCalls() != 0 || len(d.GetRows()) != 3 || d.GetRows()[1].GetCells()[1] != "Linen sofa" {
				t.Errorf("%v", d)
			}
			job := s.submit(t, id)
			if job.GetProgress().GetTotal() != 3 || job.GetDisplayName() != "shop."+kind {
				t.Errorf("%v", job)
			}
			name, exported := s.export(t, job.GetJobId(), credenzav1.ExportFormat_EXPORT_FORMAT_CSV)
			rows, err := csv.NewReader(bytes.NewReader(exported)).ReadAll()
			if err != nil || len(rows) != 4 || name != "shop-results.csv" {
				t.Fatalf("%s: %q (%v)", name, rows, err)
			}
			for i, row := range shopRows {
				note := row.Note
				if kind == "xml" {
					note = strings.ReplaceAll(note, "\n", " ")
				}
				if want := []string{row.ID, row.Title, row.Price, strings.Replace(note, "=H", "'=H", 1)}; !slices.Equal(rows[i+1][:4], want) {
					t.Errorf("row %d is %q, want %q", i, rows[i+1], want)
				}
			}
			if rows[0][4] != "credenza_category" || rows[1][4] != "CHAIR" || rows[2][4] != "SOFA" || rows[3][9] == "" {
				t.Errorf("%q", rows)
			}
		})
	}
}

func TestExport_EachFormatHasTheSameCells(t *testing.T) {
	s := serveFiles(t, t.TempDir())
	defer s.close(t)
	job := s.submit(t, s.upload(t, "shop.csv", shopFiles(t)["csv"])).GetJobId()
	_, plain := s.export(t, job, credenzav1.ExportFormat_EXPORT_FORMAT_CSV)
	want, err := csv.NewReader(bytes.NewReader(plain)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	_, asSheet := s.export(t, job, credenzav1.ExportFormat_EXPORT_FORMAT_XLSX)
	sheet, err := excelize.OpenReader(bytes.NewReader(asSheet))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sheet.Close() }()
	got, err := sheet.GetRows("Results")
	if err != nil || len(got) != len(want) {
		t.Fatalf("%q (%v)", got, err)
	}
	for i := range want {
		for j, cell := range want[i] {
			in := ""
			if j < len(got[i]) {
				in = got[i][j]
			}
			if cell = strings.TrimPrefix(cell, "'"); !strings.EqualFold(in, cell) { // a sheet runs no text, and has TRUE
				t.Errorf("cell %d of row %d is %q, want %q", j, i, in, cell)
			}
		}
	}
	_, asLines := s.export(t, job, credenzav1.ExportFormat_EXPORT_FORMAT_JSON_LINES)
	lines := bytes.Split(bytes.TrimSpace(asLines), []byte("\n"))
	var line struct {
		Index    int
		Category string
		Review   string `json:"review_state"`
		Row      shopRow
	}
	if len(lines) != 3 || json.Unmarshal(lines[1], &line) != nil || line.Index != 1 || line.Category != "SOFA" || line.Row != shopRows[1] || line.Review != "unchecked" {
		t.Errorf("%s", asLines)
	}
	if name, labels := s.export(t, job, credenzav1.ExportFormat_EXPORT_FORMAT_LABELS); name != "shop-labels.csv" || string(labels) != "id,title,price,note,label\n" {
		t.Errorf("%s: %s", name, labels)
	}
}

func TestUpload_RowsThatCannotBeReadAndSheetsAreNoted(t *testing.T) {
	s := serveFiles(t, t.TempDir())
	defer s.close(t)
	id := s.upload(t, "chairs.jsonl", "{\"name\": \"Oak chair\"}\n{\"name\": \"Oak\n{\"name\": \"Pine bed\", \"length\": 200}\n")
	d, err := s.DescribeUpload(t.Context(), &credenzav1.DescribeUploadRequest{UploadId: id})
	if err != nil || len(d.GetNotes()) != 1 || !strings.Contains(d.GetNotes()[0], "1 row cannot be read and will fail: line 2") || len(d.GetColumns()) != 2 {
		t.Fatalf("%v (%v)", d, err)
	}
	job := s.submit(t, id)
	page, err := credenzav1.NewJobServiceClient(s.conn).ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: job.GetJobId(), Filter: credenzav1.ResultFilter_RESULT_FILTER_FAILED})
	if err != nil || len(page.GetResults()) != 1 || page.GetResults()[0].GetItemId() != "line 2" || page.GetResults()[0].GetError().GetReason() != credenzav1.ErrorReason_ERROR_REASON_INVALID_ITEM {
		t.Errorf("%v (%v)", page, err)
	}
	book := excelize.NewFile()
	_, _ = book.NewSheet("Beds")
	_ = book.SetSheetRow("Sheet1", "A1", &[]string{"name", "width"})
	_ = book.SetSheetRow("Sheet1", "A2", &[]string{"Oak chair", "40"})
	_ = book.SetSheetRow("Beds", "A1", &[]string{"title"})
	_ = book.SetSheetRow("Beds", "A2", &[]string{"Pine bed"})
	var content bytes.Buffer
	if err := errors.Join(book.Write(&content), book.Close()); err != nil {
		t.Fatal(err)
	}
	id = s.upload(t, "two.xlsx", content.String())
	for sheet, column := range map[string]string{"": "name", "Beds": "title"} {
		d, err := s.DescribeUpload(t.Context(), &credenzav1.DescribeUploadRequest{UploadId: id, Sheet: sheet})
		if err != nil || !slices.Equal(d.GetSheets(), []string{"Sheet1", "Beds"}) || d.GetColumns()[0].GetName() != column || strings.Contains(fmt.Sprint(d.GetNotes()), "--") {
			t.Errorf("%q: %v (%v)", sheet, d, err)
		}
	}
	for want, req := range map[string]*credenzav1.DescribeUploadRequest{
		`has no sheet "none"`: {UploadId: id, Sheet: "none"}, `there is no column "none"`: {UploadId: id, Overrides: map[string]string{"type": "none"}},
		"is not a field": {UploadId: id, Overrides: map[string]string{"none": "name"}},
	} {
		if _, err := s.DescribeUpload(t.Context(), req); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "--") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestUpload_RowsOfOneProductRepeatItsResult(t *testing.T) {
	s := serveFiles(t, t.TempDir())
	defer s.close(t)
	id := s.upload(t, "shopify.csv", "Handle,Title,Variant SKU,Variant Price\nchair,Oak chair,c-1,99\nchair,,c-2,109\nbed,Pine bed,b-1,300\n")
	d, err := s.DescribeUpload(t.Context(), &credenzav1.DescribeUploadRequest{UploadId: id})
	if err != nil || d.GetEstimate().GetRows() != 3 || d.GetEstimate().GetItems() != 2 {
		t.Errorf("%v (%v)", d, err)
	}
	_, exported := s.export(t, s.submit(t, id).GetJobId(), credenzav1.ExportFormat_EXPORT_FORMAT_CSV)
	rows, err := csv.NewReader(bytes.NewReader(exported)).ReadAll()
	if err != nil || len(rows) != 4 || rows[2][2] != "c-2" || !slices.Equal(rows[1][4:], rows[2][4:]) || rows[2][4] != "CHAIR" || rows[3][4] != "BED" {
		t.Errorf("%q (%v)", rows, err)
	}
}

func TestUpload_SubmittedAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s := serveFiles(t, dir)
	id := s.upload(t, "shop.csv", shopFiles(t)["csv"])
	s.close(t)
	s = serveFiles(t, dir)
	defer s.close(t)
	if job := s.submit(t, id); job.GetProgress().GetTotal() != 3 {
		t.Errorf("%v", job)
	}
	other := serveFiles(t, t.TempDir()) // as another replica
	defer other.close(t)
	_, err := other.SubmitUpload(t.Context(), &credenzav1.SubmitUploadRequest{UploadId: id})
	if status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), "another replica has it") {
		t.Errorf("another replica: %v", err)
	}
}

func TestUpload_IsItsCallersAlone(t *testing.T) {
	tokens := t.TempDir() + "/tokens.yaml"
	content := "- {name: shop, sha256: " + hashOf("shop") + ", scopes: [classify]}\n- {name: all, sha256: " + hashOf("all") + ", scopes: [classify, operate]}\n" +
		"- {name: ops, sha256: " + hashOf("ops") + ", scopes: [operate]}\n"
	if _, err := auth.ParseTokens("tokens", []byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tokens, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveFiles(t, t.TempDir(), "--token-file="+tokens)
	defer s.close(t)
	s.token = "shop"
	id := s.upload(t, "shop.csv", shopFiles(t)["csv"])
	for token, want := range map[string]codes.Code{"shop": codes.OK, "all": codes.NotFound, "ops": codes.PermissionDenied, "": codes.Unauthenticated} {
		if _, err := s.DescribeUpload(withToken(t.Context(), token), &credenzav1.DescribeUploadRequest{UploadId: id}); status.Code(err) != want {
			t.Errorf("%q: %v, want %v", token, err, want)
		}
	}
	for token, want := range map[string]int{"ops": 403, "": 401} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.app.HTTPAddr()+"/v1/uploads", strings.NewReader("name\noak\n"))
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode != want {
			t.Errorf("%q: %v (%v)", token, res, err)
		}
		_ = res.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
}
