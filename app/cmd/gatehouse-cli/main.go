// Gatehouse-cli is the command line of the key management service.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"gatehouse/adapters/cli"
	"gatehouse/app/assembly/manual"
	"gatehouse/app/assembly/version"
	"gatehouse/core/secret"
)

type program struct {
	cli.Grammar

	Manual  manual.Command   `cmd:"" hidden:"" help:"Write a part of the manual page."`
	Version kong.VersionFlag `group:"global"   help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, &program{}, os.Args[1:], world(), kong.Vars{"version": version.Text()})
	if ctx.Err() != nil {
		code = interrupted
	}
	stop()
	os.Exit(code)
}

// interrupted is what shells tell of a program that a signal has ended.
const interrupted = 128 + int(syscall.SIGINT)

// world is this process: whoever sits at its terminal is asked.
func world() cli.World {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "."
	}
	w := cli.World{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Home: home, Bars: term.IsTerminal(int(os.Stderr.Fd()))}
	if in := int(os.Stdin.Fd()); term.IsTerminal(in) {
		w.Ask = func(prompt string) (secret.Value, error) {
			fmt.Fprint(os.Stderr, prompt)
			text, err := term.ReadPassword(in)
			fmt.Fprintln(os.Stderr)
			return secret.New(text), err
		}
		w.Answer = func(prompt string) (string, error) {
			fmt.Fprint(os.Stderr, prompt)
			line, err := bufio.NewReader(os.Stdin).ReadString('\n')
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return strings.TrimRight(line, "\r\n"), err
		}
	}
	return w
}
