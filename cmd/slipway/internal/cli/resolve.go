package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// imageFormat is the format whose versions are digests, so that people name them by tags.
const imageFormat = "oci"

// isDigest reports whether a version is a digest, as that of an image is.
func isDigest(version string) bool {
	algorithm, hex, ok := strings.Cut(version, ":")
	return ok && (algorithm == "sha256" || algorithm == "sha512") && len(hex) >= 64
}

// fewestDigits is how many digits of a digest may stand for it.
const fewestDigits = 6

// resolve returns the version that a user names. An image may be named by one of its tags, or by the first digits of its
// digest as lists show them; versions of other formats stand for themselves.
func resolve(ctx context.Context, cl *client.Client, p client.Package, version string) (string, error) {
	if p.Format != imageFormat || isDigest(version) {
		return version, nil
	}
	ctx = withoutRaw(ctx) // what is printed is the answer to the caller's own question
	named, err := cl.Tag(ctx, p, version, "")
	if err == nil {
		return named.Version, nil
	}
	digits := strings.TrimPrefix(version, "sha256:")
	if !client.IsStatus(err, http.StatusNotFound) || len(digits) < fewestDigits || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", err
	}
	found := ""
	for v, listErr := range cl.Versions(ctx, p, client.VersionFilter{}) {
		if listErr != nil {
			return "", listErr
		}
		if !strings.HasPrefix(v.Version, "sha256:"+digits) {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("several images begin with %q: give more digits", digits)
		}
		found = v.Version
	}
	if found == "" {
		return "", err
	}
	return found, nil
}

// withTags adds to versions the tags that name them, for tables.
func withTags(ctx context.Context, cl *client.Client, p client.Package, asOf, output string, versions iter.Seq2[api.VersionSummary, error]) iter.Seq2[taggedVersion, error] {
	return func(yield func(taggedVersion, error) bool) {
		names := map[string][]string{}
		if output != command.JSON {
			for t, err := range cl.TagsAt(withoutRaw(ctx), p, asOf) {
				if err != nil {
					yield(taggedVersion{}, err)
					return
				}
				names[t.Version] = append(names[t.Version], t.Tag)
			}
		}
		for v, err := range versions {
			if !yield(taggedVersion{v, names[v.Version]}, err) {
				return
			}
		}
	}
}

// withoutRaw is for questions besides the caller's own, whose answer is what is printed.
func withoutRaw(ctx context.Context) context.Context {
	return client.WithRaw(ctx, func(json.RawMessage) {})
}

// asOfHelp is the help of flags that ask for a past moment.
const asOfHelp = "RFC 3339 time, a day (2026-01-31 is its end, in UTC), or seq:N for a sequence number of the log"

// startOfDay turns a day into its first moment (UTC), and leaves everything else as it is.
func startOfDay(s string) string {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t.Format(time.RFC3339)
	}
	return s
}

// yesFlag adds the flag that answers the question before what can't be undone.
func yesFlag(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVar(yes, "yes", false, "do not ask; without a terminal there is no question")
}
