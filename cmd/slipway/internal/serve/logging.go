package serve

import (
	"io"
	"log/slog"
	"regexp"
	"strings"

	"slipway/cmd/slipway/internal/installation"
	"slipway/registry/access"
)

// logHandler writes structured logs: text for people at a terminal, else JSON.
func logHandler(w io.Writer, cfg *installation.Config) slog.Handler {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	o := &slog.HandlerOptions{Level: levels[cfg.LogLevel], ReplaceAttr: withoutTokens}
	if cfg.TextLogs(w) {
		return slog.NewTextHandler(w, o)
	}
	return slog.NewJSONHandler(w, o)
}

var tokenText = regexp.MustCompile(regexp.QuoteMeta(access.TokenPrefix) + `[A-Za-z0-9_-]+`)

// withoutTokens masks every text that looks like a token. No code logs a token on purpose, but clients put them into paths:
// "npm logout" names the token to revoke in its URL.
func withoutTokens(_ []string, a slog.Attr) slog.Attr {
	var text string
	switch a.Value.Kind() {
	case slog.KindString:
		text = a.Value.String()
	case slog.KindAny:
		err, ok := a.Value.Any().(error)
		if !ok {
			return a
		}
		text = err.Error()
	default:
		return a
	}
	if !strings.Contains(text, access.TokenPrefix) {
		return a
	}
	return slog.String(a.Key, tokenText.ReplaceAllString(text, access.TokenPrefix+"…"))
}
