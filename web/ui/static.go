package ui

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	_ "embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/web/internal/wire"
)

//go:embed page
var files embed.FS

//go:embed page/favicon.ico
var favicon []byte

//go:embed page/robots.txt
var robots []byte

// asset is a file that pages load; its address changes with its bytes, so that browsers keep it for good.
type asset struct {
	path, contentType string
	body              func() []byte
}

// assets are the files by the names that templates use. The style is one file: style.css, then css/ for pages of a kind. The scripts are one file: each is a module without imports or exports, and has a
// scope of its own.
var assets = sync.OnceValue(func() map[string]asset {
	style := func() []byte {
		b := bytes.NewBuffer(readAsset("page/style.css"))
		for _, name := range named("page/css/*.css") {
			b.Write(readAsset(name))
		}
		return b.Bytes()
	}
	scripts := func() []byte {
		var b bytes.Buffer
		for _, name := range named("page/js/*.js") {
			b.WriteString("{\n")
			b.Write(readAsset(name))
			b.WriteString("}\n")
		}
		return b.Bytes()
	}
	return map[string]asset{
		"style.css": newAsset("style.css", "text/css; charset=utf-8", style),
		"app.js":    newAsset("app.js", "text/javascript; charset=utf-8", scripts),
	}
})

// named returns the names of files by a pattern, in their order.
func named(pattern string) []string {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		panic(err) // the pattern is a valid one
	}
	return names
}

func readAsset(name string) []byte {
	body, err := files.ReadFile(name)
	if err != nil {
		panic(err) // the files are part of the program
	}
	return body
}

func newAsset(name, contentType string, body func() []byte) asset {
	sum := sha256.Sum256(body())
	ext := path.Ext(name)
	return asset{path: "/ui/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext, contentType: contentType, body: body}
}

// asset answers GET /ui/<file>.
func (u *Pages) asset(w http.ResponseWriter, r *http.Request) error {
	for name, a := range assets() {
		if a.path != r.URL.Path {
			continue
		}
		header := func(h http.Header) { h.Set("Cache-Control", "public, max-age=31536000, immutable") }
		return u.server.Documents.Serve(w, r, httpserver.DocumentKey{View: "ui " + name, Stamp: a.path}, header, func(context.Context) (httpserver.Document, error) {
			return httpserver.Document{Body: a.body(), ContentType: a.contentType}, nil
		})
	}
	return registry.Errorf(registry.NotFound, registry.AboutRequest, "there is no such file; load the page again")
}

// static answers with bytes that are part of the program.
func static(contentType string, body []byte) httpserver.Handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Cache-Control", "public, max-age=86400")
		return wire.WriteBytes(w, contentType, body)
	}
}
