package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// licence is the copyright file of the packages, as Debian wants it.
const licence = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: gatehouse

Files: *
Copyright: 2026 the Gatehouse authors
License: Apache-2.0

License: Apache-2.0
 On Debian systems the text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
`

// documents writes manual pages, change logs and the licence into dir. What
// programs know of their commands and settings comes from the programs.
func (p product) documents(ctx context.Context, r release, program, dir string) error {
	values := map[string]string{"DATE": r.date.Format("2006-01-02"), "VERSION": r.number}
	for _, part := range []string{"commands", "options", "variables"} {
		text, err := run(ctx, nil, program, "manual", part)
		if err != nil {
			return err
		}
		values[strings.ToUpper(part)] = strings.TrimSuffix(text, "\n")
	}
	for _, section := range p.sections() {
		page, err := os.ReadFile(filepath.Join("packaging", p.name, p.name+"."+section))
		if err != nil {
			return err
		}
		if err := compress(filepath.Join(dir, "man"+section+".gz"), fill(string(page), values)); err != nil {
			return err
		}
	}
	changes, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		return err
	}
	debian := fmt.Sprintf("%s (%s-1) unstable; urgency=medium\n\n  * As in changelog.gz.\n\n -- Gatehouse <gatehouse@gatehouse.example>  %s\n",
		p.name, r.full(), r.date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	overrides, err := os.ReadFile(filepath.Join("packaging", p.name, "lintian-overrides"))
	if err != nil {
		return err
	}
	for file, text := range map[string]string{"changelog.gz": string(changes), "changelog.Debian.gz": debian} {
		if err := compress(filepath.Join(dir, file), text); err != nil {
			return err
		}
	}
	for file, text := range map[string]string{"copyright": licence, "lintian-overrides": string(overrides)} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sections are those of the manual that the program has pages in.
func (p product) sections() []string {
	if p.tool {
		return []string{"1"}
	}
	return []string{"8", "5"}
}

// completions writes the scripts that complete the program's command lines.
func completions(ctx context.Context, program, dir string) error {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		text, err := run(ctx, nil, program, "completion", shell)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "completion."+shell), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compress writes text to path as gzip -9n does.
func compress(path, text string) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// fill replaces @NAME@ by the value of NAME.
func fill(text string, values map[string]string) string {
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, "@"+name+"@", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
