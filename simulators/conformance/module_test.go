package conformance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "gatehouse"

// folder is one package of the module, parsed.
type folder struct {
	path     string // import path
	files    []*ast.File
	tests    []*ast.File
	declared map[string][]string // methods with their signatures by type, outside tests
}

func suiteOf(port string) string { return port + "/" + path.Base(port) + "test" }

func folderNamed(folders []*folder, importPath string) *folder {
	for _, f := range folders {
		if f.path == importPath {
			return f
		}
	}
	return nil
}

// runnersOf returns the suite, and the packages whose Run runs it.
func runnersOf(folders []*folder, suite string) []string {
	runners := []string{suite}
	for _, f := range folders {
		if slices.ContainsFunc(f.files, func(file *ast.File) bool { return callsRun(file, []string{suite}) }) {
			runners = append(runners, f.path)
		}
	}
	return runners
}

// parseModule parses every Go file of the module.
func parseModule(t *testing.T) []*folder {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the module's root has moved: %v", err)
	}
	byPath := map[string]*folder{}
	var all []*folder
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != root && (strings.HasPrefix(base, ".") || base == "testdata" || base == "tools") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		p := path.Join(module, filepath.ToSlash(rel))
		f := byPath[p]
		if f == nil {
			f = &folder{path: p, declared: map[string][]string{}}
			byPath[p] = f
			all = append(all, f)
		}
		f.add(file, strings.HasSuffix(name, "_test.go"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (f *folder) add(file *ast.File, test bool) {
	if test {
		f.tests = append(f.tests, file)
		return
	}
	f.files = append(f.files, file)
	for _, d := range file.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv == nil || len(fn.Recv.List) != 1 {
			continue
		}
		typ := fn.Recv.List[0].Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		if name, ok := typ.(*ast.Ident); ok {
			f.declared[name.Name] = append(f.declared[name.Name], fn.Name.Name+signature(fn.Type))
		}
	}
}

// signature spells the types of a function, without the names of its parameters.
func signature(fn *ast.FuncType) string {
	list := func(fields *ast.FieldList) string {
		var spelt []string
		if fields != nil {
			for _, p := range fields.List {
				for range max(1, len(p.Names)) {
					spelt = append(spelt, types.ExprString(p.Type))
				}
			}
		}
		return "(" + strings.Join(spelt, ", ") + ")"
	}
	return list(fn.Params) + list(fn.Results)
}

// assertions returns the interfaces of a port that f says to implement.
func (f *folder) assertions(port string) []string {
	var names []string
	for _, file := range f.files {
		as := importedAs(file, port)
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				v, ok := s.(*ast.ValueSpec)
				if !ok || len(v.Names) != 1 || v.Names[0].Name != "_" {
					continue
				}
				if sel, ok := v.Type.(*ast.SelectorExpr); ok && isIdent(sel.X, as) {
					names = append(names, sel.Sel.Name)
				}
			}
		}
	}
	return names
}

// callsRun reports whether file calls Run of one of the packages.
func callsRun(file *ast.File, packages []string) bool {
	found := false
	for _, p := range packages {
		as := importedAs(file, p)
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Run" && isIdent(sel.X, as) {
					found = true
				}
			}
			return !found
		})
	}
	return found
}

// importedAs returns the name under which file knows a package; empty if it does not.
func importedAs(file *ast.File, importPath string) string {
	for _, i := range file.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil && p == importPath {
			if i.Name != nil {
				return i.Name.Name
			}
			return path.Base(importPath)
		}
	}
	return ""
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && name != "" && id.Name == name
}

// interfaceMethods returns the methods, with their signatures, that a port's interface lists.
func interfaceMethods(t *testing.T, f *folder, name string) []string {
	t.Helper()
	var methods []string
	if f != nil {
		for _, file := range f.files {
			ast.Inspect(file, func(n ast.Node) bool {
				if ts, ok := n.(*ast.TypeSpec); ok && ts.Name.Name == name {
					if it, ok := ts.Type.(*ast.InterfaceType); ok {
						for _, m := range it.Methods.List {
							if fn, ok := m.Type.(*ast.FuncType); ok {
								methods = append(methods, m.Names[0].Name+signature(fn))
							}
						}
					}
				}
				return true
			})
		}
	}
	if len(methods) == 0 {
		t.Fatalf("found no interface %s: has it moved?", name)
	}
	return methods
}
