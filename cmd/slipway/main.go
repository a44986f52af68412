// Command slipway is the artifact repository Slipway: server, administration and client in one program.
package main

import (
	"context"
	"os"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/program"
)

// buildVersion and buildCommit are set at link time: -ldflags "-X main.buildVersion=1.2.3". The commit is for builds without a
// checkout around them, as that of the image.
var buildVersion, buildCommit string

func main() {
	p := &command.Program{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv, Environ: os.Environ,
		ConfigDir: os.UserConfigDir, BuildVersion: buildVersion, BuildCommit: buildCommit}
	os.Exit(program.Run(context.Background(), p, os.Args[1:]))
}
