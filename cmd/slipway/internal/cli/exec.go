package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
)

// shortType cuts prefix and suffix of an event's type.
func shortType(t string) string {
	return strings.TrimSuffix(strings.TrimPrefix(t, "dev.slipway."), ".v1")
}

// execEvent runs a command for each event. The command does not get our token: it has no use for it.
func (c commands) execEvent(script string) func(context.Context, json.RawMessage, *event) error {
	return func(ctx context.Context, raw json.RawMessage, e *event) error {
		cmd := exec.CommandContext(ctx, "sh", "-c", script)
		cmd.Stdin = bytes.NewReader(raw)
		cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
		cmd.Env = append(withoutSecrets(os.Environ()), eventEnv(e)...)
		return cmd.Run()
	}
}

func withoutSecrets(env []string) []string {
	var out []string
	for _, kv := range env {
		if !strings.HasPrefix(kv, "SLIPWAY_TOKEN=") && !strings.HasPrefix(kv, "SLIPWAY_ADMIN_PASSWORD=") {
			out = append(out, kv)
		}
	}
	return out
}

// eventEnv are the variables of an event. A value with a zero byte can't be one, and comes from no Slipway.
func eventEnv(e *event) []string {
	seq := strings.TrimLeft(e.Sequence, "0")
	if seq == "" {
		seq = "0"
	}
	out := []string{}
	for _, kv := range [][2]string{
		{"SEQ", seq}, {"ID", e.ID}, {"TYPE", shortType(e.Type)}, {"SUBJECT", e.Subject}, {"TIME", e.Time},
		{"REPOSITORY", e.Data.Repository}, {"FORMAT", e.Data.Format}, {"PACKAGE", e.Data.Package}, {"VERSION", e.Data.Version},
		{"PURL", e.Data.PURL}, {"DIGEST", e.Data.Digest}, {"TAG", e.Data.Tag}, {"ACTOR", e.Data.Actor},
	} {
		out = append(out, "SLIPWAY_EVENT_"+kv[0]+"="+strings.ReplaceAll(kv[1], "\x00", ""))
	}
	return out
}
