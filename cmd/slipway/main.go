// Command slipway is the artifact repository Slipway: server, administration and client in one program.
package main

import (
	"context"
	"os"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/program"
)

// buildVersion is set at link time: -ldflags "-X main.buildVersion=1.2.3".
var buildVersion string

func main() {
	p := &command.Program{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv,
		ConfigDir: os.UserConfigDir, BuildVersion: buildVersion}
	os.Exit(program.Run(context.Background(), p, os.Args[1:]))
}
