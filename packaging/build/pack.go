package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// scripts are the maintainer scripts of each format, by nfpm's names for them.
var scripts = map[string]map[string]string{
	"deb": {"postinstall": "postinst", "preremove": "prerm", "postremove": "postrm"},
	"rpm": {"postinstall": "post", "preremove": "preun", "postremove": "postun"},
}

// managers are what makes the user of a service, and starts it.
var managers = map[string]string{"deb": "systemd | systemd-standalone-sysusers", "rpm": "systemd"}

// pack makes one package in out, and returns its file.
func (p product) pack(ctx context.Context, r release, format, dir, out string, values map[string]string) (string, error) {
	values = maps.Clone(values)
	needed, err := needs(filepath.Join(dir, p.name))
	if err != nil {
		return "", err
	}
	depends := needed.deb()
	if format == "rpm" {
		depends = needed.rpm()
	}
	if !p.tool {
		depends = append(depends, managers[format])
	}
	values["DEPENDS"] = strings.Join(quoted(depends), ", ")
	name := "nfpm.yaml"
	list := "scripts:\n"
	hooks := slices.Sorted(maps.Keys(scripts[format]))
	if p.tool { // nothing is to be done when it comes or goes
		name, list, hooks = "nfpm-tool.yaml", "", nil
	}
	for _, hook := range hooks {
		name := scripts[format][hook]
		text, err := os.ReadFile(filepath.Join("packaging", "scripts", format, name))
		if err != nil {
			return "", err
		}
		file := filepath.Join(dir, format+"-"+name)
		if err := os.WriteFile(file, []byte(fill(string(text), values)), 0o755); err != nil { //nolint:gosec // it is a program
			return "", err
		}
		list += "  " + hook + ": " + file + "\n"
	}
	values["SCRIPTS"] = list
	template, err := os.ReadFile(filepath.Join("packaging", name))
	if err != nil {
		return "", err
	}
	config := filepath.Join(dir, "nfpm-"+format+".yaml")
	if err := os.WriteFile(config, []byte(fill(string(template), values)), 0o644); err != nil {
		return "", err
	}
	file := filepath.Join(out, p.file(r, format, values["ARCH"]))
	_, err = run(ctx, []string{"SOURCE_DATE_EPOCH=" + strconv.FormatInt(r.date.Unix(), 10)},
		"go", "tool", "-modfile=tools/nfpm/go.mod", "nfpm", "package", "--config", config, "--packager", format, "--target", file)
	return file, err
}

// file names a package as its format does.
func (p product) file(r release, format, arch string) string {
	if format == "deb" {
		return fmt.Sprintf("%s_%s-1_%s.deb", p.name, r.full(), arch)
	}
	if name, ok := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch]; ok {
		arch = name
	}
	return fmt.Sprintf("%s-%s-1.%s.rpm", p.name, r.full(), arch)
}

func quoted(words []string) []string {
	for i, w := range words {
		words[i] = strconv.Quote(w)
	}
	return words
}
