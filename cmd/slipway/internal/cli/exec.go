package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"

	"slipway/api/client"
)

// shortType cuts prefix and suffix of an event's type.
func shortType(t string) string {
	return strings.TrimSuffix(strings.TrimPrefix(t, "dev.slipway."), ".v1")
}

// execEvent runs a command for each event. The command does not get the token, as it has no use for it.
func (c commands) execEvent(script string) func(context.Context, *client.Event) error {
	return func(ctx context.Context, e *client.Event) error {
		env, err := eventEnv(e)
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, "sh", "-c", script)
		cmd.Stdin = bytes.NewReader(e.Raw)
		cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
		cmd.Env = append(withoutSecrets(os.Environ()), env...)
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

// eventEnv are the variables of an event. A value with a zero byte can't be a variable, and no Slipway sends such a value.
func eventEnv(e *client.Event) ([]string, error) {
	d, err := e.Content()
	if err != nil {
		return nil, err
	}
	seq := strings.TrimLeft(e.Sequence, "0")
	if seq == "" {
		seq = "0"
	}
	out := []string{}
	for _, kv := range [][2]string{
		{"SEQ", seq}, {"ID", e.ID}, {"TYPE", shortType(e.Type)}, {"SUBJECT", e.Subject}, {"TIME", e.Time},
		{"REPOSITORY", d.Repository}, {"FORMAT", d.Format}, {"PACKAGE", d.Package}, {"VERSION", d.Version},
		{"PURL", d.PURL}, {"DIGEST", string(d.Digest)}, {"TAG", d.Tag}, {"ACTOR", d.Actor},
	} {
		out = append(out, "SLIPWAY_EVENT_"+kv[0]+"="+strings.ReplaceAll(kv[1], "\x00", ""))
	}
	return out, nil
}
