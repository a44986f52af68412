package cli

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"slipway/api"
	"slipway/cmd/slipway/internal/command"
)

// configured are the clients whose own registry can become an upstream.
var configured = map[string]struct {
	format string
	find   func(context.Context, commands) (string, error)
}{
	"npm": {"npm", func(ctx context.Context, c commands) (string, error) {
		return c.clientSays(ctx, "npm", "config", "get", "registry")
	}},
	"pip": {"pypi", func(ctx context.Context, c commands) (string, error) {
		if url := c.Env("PIP_INDEX_URL"); url != "" {
			return url, nil
		}
		if url, err := c.clientSays(ctx, "pip", "config", "get", "global.index-url"); err == nil {
			return url, nil
		}
		return c.pipDefault(ctx)
	}},
	"mvn": {"maven", func(ctx context.Context, c commands) (string, error) {
		url, err := mavenMirror(c.Env("HOME"))
		if err != nil || url != "" {
			return url, err
		}
		return c.mavenDefault(ctx)
	}},
	"docker": {"oci", func(_ context.Context, c commands) (string, error) {
		return imageMirror(c.Env("HOME"), c.Env("CONTAINERS_REGISTRIES_CONF"))
	}},
}

// upstreamFrom is the registry that a package manager of this machine is set up for.
func (c commands) upstreamFrom(ctx context.Context, name string) (api.NewUpstream, error) {
	known, ok := configured[name]
	if !ok {
		return api.NewUpstream{}, command.Usagef("--upstream-from: it is npm, pip, mvn or docker, not %q", name)
	}
	url, err := known.find(ctx, c)
	if err == nil && !strings.Contains(url, "://") {
		err = errors.New("it names no registry")
	}
	if err == nil && hasCredentials(url) {
		err = errors.New("its address has credentials, which go by --user and --password-stdin")
	}
	if err != nil {
		return api.NewUpstream{}, fmt.Errorf("the configuration of %s can't be used: %w; give the address with --upstream", name, err)
	}
	return api.NewUpstream{Type: "remote", Format: known.format, URL: url}, nil
}

func hasCredentials(url string) bool {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return strings.Contains(host, "@")
}

const clientTimeout = 20 * time.Second

// clientSays runs a package manager that prints one line.
func (c commands) clientSays(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	if c.Environ != nil {
		cmd.Env = c.Environ()
	}
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// mavenMirror is the mirror of everything, or of all that is elsewhere, in Maven's settings; "" if they have none.
func mavenMirror(home string) (string, error) {
	path := filepath.Join(home, ".m2", "settings.xml")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var settings struct {
		Mirrors []struct {
			Of  string `xml:"mirrorOf"`
			URL string `xml:"url"`
		} `xml:"mirrors>mirror"`
	}
	if err := xml.Unmarshal(raw, &settings); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	for _, m := range settings.Mirrors {
		if of := strings.TrimSpace(m.Of); of == "*" || of == "external:*" || of == "central" {
			return strings.TrimSpace(m.URL), nil
		}
	}
	return "", nil
}

// upstreamOf reads the value of --upstream: the name of a repository, a URL, or NAME=URL.
func upstreamOf(value, format string) (api.NewUpstream, error) {
	before, _, isURL := strings.Cut(value, "://")
	if !isURL {
		return api.NewUpstream{Type: "repository", Repository: value}, nil
	}
	if format == "" {
		return api.NewUpstream{}, command.Usagef("--upstream %s: which format is it? Say --format npm, pypi, maven, oci or raw", command.Clean(value))
	}
	name, _, named := strings.Cut(before, "=")
	if !named {
		return api.NewUpstream{Type: "remote", Format: format, URL: value}, nil
	}
	return api.NewUpstream{Name: name, Type: "remote", Format: format, URL: strings.TrimPrefix(value, name+"=")}, nil
}
