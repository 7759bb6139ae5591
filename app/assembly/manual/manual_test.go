package manual_test

import (
	"io"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"gatehouse/app/assembly/manual"
)

type grammar struct {
	File  string `env:"THE_FILE" help:"A file: a\\b." name:"the-file" placeholder:"FILE"`
	Serve struct {
		Port uint16 `default:"4442" env:"PORT" help:"A port." placeholder:"PORT"`
		Bare bool   `help:"No more."`
	} `cmd:"" help:"Serve."`
	Look struct {
		Port uint16   `default:"4442" env:"PORT" help:"A port." placeholder:"PORT"`
		At   struct{} `cmd:"" help:".Look at it."`
	} `cmd:"" help:"Look."`
	Manual manual.Command `cmd:"" hidden:""`
}

func TestParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		part  string
		write func(io.Writer, *kong.Application) error
		want  []string
	}{
		{"commands", manual.Commands, []string{
			".TP", `\fBprogram serve\fR`, `Serve. Options: \-\-port, \-\-bare.`,
			".TP", `\fBprogram look at\fR`, `\&.Look at it.`,
		}},
		{"options", manual.Options, []string{
			".TP", `\fB\-\-help\fR`, "Show context\\-sensitive help.",
			".TP", `\fB\-\-the\-file\fR=\fIFILE\fR`, `A file: a\eb. Variable: THE_FILE.`,
			".TP", `\fB\-\-port\fR=\fIPORT\fR`, "A port. Variable: PORT. Default: 4442.",
			".TP", `\fB\-\-bare\fR`, "No more.",
		}},
		{"variables", manual.Variables, []string{
			".TP", `\fBTHE_FILE\fR`, `A file: a\eb. Option: \-\-the\-file.`,
			".TP", `\fBPORT\fR`, `A port. Default: 4442. Option: \-\-port.`,
		}},
	} {
		t.Run(c.part, func(t *testing.T) {
			t.Parallel()
			parser, err := kong.New(new(grammar), kong.Name("program"))
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := c.write(&out, parser.Model); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
