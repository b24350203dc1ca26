package libm

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var functions = map[string]func(float64) float64{
	"exp": Exp, "log": Log, "log10": Log10, "sinh": Sinh, "cosh": Cosh, "tanh": Tanh,
	"sin": Sin, "cos": Cos, "tan": Tan, "asin": Asin, "acos": Acos, "atan": Atan,
}

var functions2 = map[string]func(x, y float64) float64{"pow": Pow, "atan2": Atan2}

// TestNearest compares with results worked out to 1400 bits: see testdata/exact.py.
func TestNearest(t *testing.T) {
	name := "testdata/exact.txt"
	if env := os.Getenv("LIBM_EXACT"); env != "" {
		name = env
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases, wrong := 0, map[string]int{}
	for s := bufio.NewScanner(f); s.Scan(); cases++ {
		fields := strings.Fields(s.Text())
		var nums []float64
		for _, w := range fields[1:] {
			n, err := strconv.ParseFloat(w, 64)
			if err != nil {
				t.Fatal(err)
			}
			nums = append(nums, n)
		}
		var got, want float64
		if f := functions[fields[0]]; f != nil {
			got, want = f(nums[0]), nums[1]
		} else {
			got, want = functions2[fields[0]](nums[0], nums[1]), nums[2]
		}
		if got != want {
			if wrong[fields[0]]++; wrong[fields[0]] <= 3 {
				t.Errorf("%s: got %x", s.Text(), got)
			}
		}
	}
	if len(wrong) > 0 || cases < 5000 {
		t.Errorf("of %d cases not the nearest float: %v", cases, wrong)
	}
}

// TestSpecialCases holds what C99's annex F demands beyond ordinary numbers.
func TestSpecialCases(t *testing.T) {
	const least, most = math.SmallestNonzeroFloat64, math.MaxFloat64
	zero := math.Copysign(0, -1)
	tests := []struct {
		call      string
		got, want float64
	}{
		{"exp(-inf)", Exp(-inf), 0}, {"exp(inf)", Exp(inf), inf}, {"exp(nan)", Exp(nan), nan}, {"exp(-0)", Exp(zero), 1},
		{"exp(709.78)", Exp(709.782712893384), 1.7976931348622732e+308}, {"exp(709.79)", Exp(709.79), inf},
		{"exp(-745.1)", Exp(-745.1), least}, {"exp(-745.2)", Exp(-745.2), 0},
		{"log(0)", Log(0), -inf}, {"log(-0)", Log(zero), -inf}, {"log(-1)", Log(-1), nan}, {"log(inf)", Log(inf), inf}, {"log(nan)", Log(nan), nan}, {"log(1)", Log(1), 0},
		{"log10(0)", Log10(0), -inf}, {"log10(-1)", Log10(-1), nan}, {"log10(inf)", Log10(inf), inf}, {"log10(1)", Log10(1), 0},
		{"log10(1000)", Log10(1000), 3}, {"log10(1e22)", Log10(1e22), 22}, {"log10(least)", Log10(least), -323.30621534311579},
		{"pow(2, -1074)", Pow(2, -1074), least}, {"pow(2, -1075)", Pow(2, -1075), 0}, {"pow(1.5 least)", Pow(0.5, 1074), least},
		{"pow(2, 1023)", Pow(2, 1023), 0x1p1023}, {"pow(2, 1024)", Pow(2, 1024), inf}, {"pow(10, 22)", Pow(10, 22), 1e22},
		{"pow(10, 100)", Pow(10, 100), 1e100}, {"pow(10, -5)", Pow(10, -5), 1e-5}, {"pow(nan, 0)", Pow(nan, 0), 1}, {"pow(1, nan)", Pow(1, nan), 1},
		{"pow(nan, 1)", Pow(nan, 1), nan}, {"pow(2, nan)", Pow(2, nan), nan}, {"pow(0, -1)", Pow(0, -1), inf}, {"pow(-0, -1)", Pow(zero, -1), -inf},
		{"pow(-0, -2)", Pow(zero, -2), inf}, {"pow(-0, 3)", Pow(zero, 3), zero}, {"pow(-0, 4)", Pow(zero, 4), 0}, {"pow(0, 0.5)", Pow(zero, 0.5), 0},
		{"pow(-1, inf)", Pow(-1, inf), 1}, {"pow(-1, -inf)", Pow(-1, -inf), 1}, {"pow(0.5, inf)", Pow(0.5, inf), 0}, {"pow(0.5, -inf)", Pow(0.5, -inf), inf},
		{"pow(-2, inf)", Pow(-2, inf), inf}, {"pow(-2, -inf)", Pow(-2, -inf), 0}, {"pow(inf, 1)", Pow(inf, 2), inf}, {"pow(inf, -1)", Pow(inf, -2), 0},
		{"pow(-inf, 3)", Pow(-inf, 3), -inf}, {"pow(-inf, 2)", Pow(-inf, 2), inf}, {"pow(-inf, -3)", Pow(-inf, -3), zero}, {"pow(-inf, -2)", Pow(-inf, -2), 0},
		{"pow(-8, 1/3)", Pow(-8, 1.0/3), nan}, {"pow(-2, 3)", Pow(-2, 3), -8}, {"pow(-2, -3)", Pow(-2, -3), -0.125}, {"pow(-1, 2^53+2)", Pow(-1, 1<<53+2), 1},
		{"pow(1+eps, 1e300)", Pow(1+0x1p-52, 1e300), inf}, {"pow(1-eps, 1e300)", Pow(1-0x1p-53, 1e300), 0}, {"pow(-(1+eps), -1e300)", Pow(-1-0x1p-52, -1e300), 0},
		{"pow(least, 0.5)", Pow(least, 0.5), 0x1p-537}, {"pow(most, 2)", Pow(most, 2), inf}, {"pow(2, least)", Pow(2, least), 1}, {"pow(9, 1.5)", Pow(9, 1.5), 27},
		{"sin(-0)", Sin(zero), zero}, {"sin(inf)", Sin(inf), nan}, {"sin(nan)", Sin(nan), nan}, {"cos(0)", Cos(0), 1}, {"cos(-inf)", Cos(-inf), nan}, {"cos(nan)", Cos(nan), nan},
		{"tan(-0)", Tan(zero), zero}, {"tan(inf)", Tan(inf), nan}, {"tan(nan)", Tan(nan), nan}, {"sin(least)", Sin(least), least},
		// The float that comes nearest to a multiple of pi/2 (Muller, "Elementary functions", 11.3).
		{"cos(6381956970095103*2^797)", Cos(math.Ldexp(6381956970095103, 797)), -4.68716592425462761112e-19},
		{"asin(1)", Asin(1), math.Pi / 2}, {"asin(-1)", Asin(-1), -math.Pi / 2}, {"asin(2)", Asin(2), nan}, {"asin(-0)", Asin(zero), zero}, {"asin(nan)", Asin(nan), nan},
		{"acos(1)", Acos(1), 0}, {"acos(-1)", Acos(-1), math.Pi}, {"acos(0)", Acos(0), math.Pi / 2}, {"acos(-2)", Acos(-2), nan}, {"acos(nan)", Acos(nan), nan},
		{"atan(inf)", Atan(inf), math.Pi / 2}, {"atan(-inf)", Atan(-inf), -math.Pi / 2}, {"atan(-0)", Atan(zero), zero}, {"atan(nan)", Atan(nan), nan}, {"atan(1)", Atan(1), math.Pi / 4},
		{"atan2(0, -0)", Atan2(0, zero), math.Pi}, {"atan2(-0, -0)", Atan2(zero, zero), -math.Pi}, {"atan2(-0, 0)", Atan2(zero, 0), zero}, {"atan2(0, 0)", Atan2(0, 0), 0},
		{"atan2(0, -1)", Atan2(0, -1), math.Pi}, {"atan2(-0, 1)", Atan2(zero, 1), zero}, {"atan2(-1, 0)", Atan2(-1, 0), -math.Pi / 2}, {"atan2(1, -0)", Atan2(1, zero), math.Pi / 2},
		{"atan2(1, -inf)", Atan2(1, -inf), math.Pi}, {"atan2(-1, inf)", Atan2(-1, inf), zero}, {"atan2(inf, 1)", Atan2(inf, 1), math.Pi / 2}, {"atan2(-inf, inf)", Atan2(-inf, inf), -math.Pi / 4},
		{"atan2(inf, -inf)", Atan2(inf, -inf), 3 * math.Pi / 4}, {"atan2(nan, 1)", Atan2(nan, 1), nan}, {"atan2(1, nan)", Atan2(1, nan), nan}, {"atan2(least, most)", Atan2(least, most), 0},
		{"sinh(-0)", Sinh(zero), zero}, {"sinh(-inf)", Sinh(-inf), -inf}, {"sinh(nan)", Sinh(nan), nan}, {"sinh(710.47)", Sinh(710.47), 1.7871893267684048e+308}, {"sinh(711)", Sinh(711), inf},
		{"cosh(-inf)", Cosh(-inf), inf}, {"cosh(nan)", Cosh(nan), nan}, {"cosh(0)", Cosh(0), 1}, {"cosh(-1)", Cosh(-1), Cosh(1)},
		{"tanh(inf)", Tanh(inf), 1}, {"tanh(-inf)", Tanh(-inf), -1}, {"tanh(-0)", Tanh(zero), zero}, {"tanh(nan)", Tanh(nan), nan}, {"tanh(21)", Tanh(21), 1},
	}
	for _, tt := range tests {
		if tt.want != tt.want && tt.got != tt.got {
			continue
		}
		if tt.got != tt.want || math.Signbit(tt.got) != math.Signbit(tt.want) {
			t.Errorf("%s = %v, want %v", tt.call, tt.got, tt.want)
		}
	}
}

// TestProductsAreRounded: a product of floats that is not the whole operand of a
// conversion may be fused with a sum, on some processors.
func TestProductsAreRounded(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	if len(parsed) < 4 {
		t.Fatalf("%d files", len(parsed))
	}
	found, bare := bareProducts(t, set, parsed)
	if len(bare) > 0 {
		t.Errorf("products outside float64(...): %v", bare)
	}
	if found < 30 {
		t.Errorf("%d products found: the search is broken", found)
	}
	// The search must find one.
	f, err := parser.ParseFile(set, "planted.go", "package libm\nfunc f(a, b, c float64) float64 { a *= b; return a*b + c }", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, bare := bareProducts(t, set, []*ast.File{f}); len(bare) != 2 {
		t.Errorf("of two planted products found: %v", bare)
	}
}

func bareProducts(t *testing.T, set *token.FileSet, files []*ast.File) (found int, bare []string) {
	t.Helper()
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	conf := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	if _, err := conf.Check("libm", set, files, info); err != nil {
		t.Fatal(err)
	}
	float := func(e ast.Expr) bool {
		tv := info.Types[e]
		b, ok := tv.Type.Underlying().(*types.Basic)
		return ok && b.Info()&types.IsFloat != 0 && tv.Value == nil
	}
	converted := map[ast.Expr]bool{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "float64" && len(n.Args) == 1 {
					converted[n.Args[0]] = true
				}
			case *ast.AssignStmt:
				if n.Tok == token.MUL_ASSIGN && float(n.Lhs[0]) {
					bare = append(bare, fmt.Sprint(set.Position(n.Pos())))
				}
			case *ast.BinaryExpr:
				if n.Op != token.MUL || !float(n) {
					return true
				}
				if found++; !converted[n] {
					bare = append(bare, fmt.Sprint(set.Position(n.Pos())))
				}
			}
			return true
		})
	}
	return found, bare
}

func TestNothingIsAllocated(t *testing.T) {
	x := 1.1
	if n := testing.AllocsPerRun(100, func() {
		for _, f := range functions {
			x += f(0.3)
		}
		for _, f := range functions2 {
			x += f(0.3, 2.2)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLibm(b *testing.B) {
	for name, f := range functions {
		b.Run(name, func(b *testing.B) {
			x := 0.0
			for i := range b.N {
				x += f(0.1 + float64(i&255)/300)
			}
			sink = x
		})
	}
	for name, f := range functions2 {
		b.Run(name, func(b *testing.B) {
			x := 0.0
			for i := range b.N {
				x += f(0.1+float64(i&255)/30, 3.7)
			}
			sink = x
		})
	}
}

var sink float64
