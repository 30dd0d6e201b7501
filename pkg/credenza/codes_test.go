package credenza_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rpccode "google.golang.org/genproto/googleapis/rpc/code"

	"github.com/credenza-dev/credenza/internal/fault"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// constants returns the values of the constants of a type in codes.go.
func constants(t *testing.T, typeName string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typeName {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Error(err)
			}
			values[value] = true
		}
		return true
	})
	return values
}

func TestReasons_HaveAllNamesOfTheServer(t *testing.T) {
	want := map[string]bool{}
	for r := fault.InvalidItem; fault.Named(r.String()) == r; r++ { // what is no reason is called INTERNAL
		want[r.String()] = true
	}
	for _, name := range credenzav1.ErrorReason_name {
		if name = strings.TrimPrefix(name, "ERROR_REASON_"); name != "UNSPECIFIED" && !want[name] {
			t.Errorf("%s is no reason of the server's", name)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(constants(t, "Reason")))); diff != "" {
		t.Error(diff)
	}
}

func TestCodes_AreThoseOfGRPC(t *testing.T) {
	for name := range constants(t, "Code") {
		if _, ok := rpccode.Code_value[name]; !ok {
			t.Errorf("%s is no code", name)
		}
	}
}
