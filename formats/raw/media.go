package raw

import (
	"mime"
	"path"
	"strings"

	"slipway/formats"
)

const (
	binary       = "application/octet-stream"
	maxTypeBytes = 255
)

// mediaType returns the type to store for a file: the client's, unless it is missing or curl --data-binary's default, else a
// type by the file's name. There is no content encoding: a .gz is a gzip file, not another file in compressed form.
func mediaType(sent, p string) string {
	if t, _, err := mime.ParseMediaType(sent); err == nil && len(sent) <= maxTypeBytes && strings.Contains(t, "/") &&
		t != "application/x-www-form-urlencoded" {
		return sent
	}
	base := strings.ToLower(path.Base(p))
	if t, ok := typesByName[base]; ok {
		return t
	}
	if t, ok := typesByExtension[strings.TrimPrefix(path.Ext(base), ".")]; ok {
		return t
	}
	return binary
}

const text = "text/plain; charset=utf-8"

var typesByName = map[string]string{
	"sha256sums": text, "sha512sums": text, "sha1sums": text, "md5sums": text, "checksums": text,
	"readme": text, "license": text, "notice": text, "changelog": text, "copying": text,
}

// typesByExtension replaces the mime package's table, which depends on files of the machine.
var typesByExtension = map[string]string{
	"7z": "application/x-7z-compressed", "apk": "application/vnd.android.package-archive", "asc": text,
	"avif": "image/avif", "bz2": "application/x-bzip2", "cfg": text, "conf": text, "css": "text/css; charset=utf-8",
	"csv": "text/csv; charset=utf-8", "deb": "application/vnd.debian.binary-package", "dmg": "application/x-apple-diskimage",
	"gif": "image/gif", "gz": "application/gzip", "htm": "text/html; charset=utf-8", "html": "text/html; charset=utf-8",
	"ini": text, "iso": "application/x-iso9660-image", "jar": "application/java-archive", "jpeg": "image/jpeg",
	"jpg": "image/jpeg", "js": "text/javascript; charset=utf-8", "json": "application/json", "log": text,
	"md": "text/markdown; charset=utf-8", "md5": text, "mjs": "text/javascript; charset=utf-8", "mp3": "audio/mpeg",
	"mp4": "video/mp4", "msi": "application/x-msi", "pdf": "application/pdf", "pem": "application/x-pem-file",
	"png": "image/png", "rpm": "application/x-rpm", "sbom": "application/json", "sh": text, "sha1": text, "sha256": text,
	"sha512": text, "sig": binary, "svg": "image/svg+xml", "tar": "application/x-tar", "tgz": "application/gzip",
	"toml": "application/toml", "txt": text, "war": "application/java-archive", "wasm": "application/wasm",
	"webp": "image/webp", "whl": "application/zip", "xml": "application/xml", "xz": "application/x-xz",
	"yaml": "application/yaml", "yml": "application/yaml", "zip": "application/zip", "zst": "application/zstd",
}

// disposition makes a browser save files that it might run. Plain kinds of text, images but SVG, and PDF are shown.
func disposition(mediaType, file string) string {
	kind := "attachment"
	if t, _, err := mime.ParseMediaType(mediaType); err == nil && shown(t) {
		kind = "inline"
	}
	return kind + `; filename="` + ascii(file) + `"; filename*=UTF-8''` + formats.Escape(file)
}

func shown(t string) bool {
	switch t {
	case "text/plain", "text/csv", "text/markdown", "application/pdf":
		return true
	default:
		return strings.HasPrefix(t, "image/") && t != "image/svg+xml"
	}
}

// ascii is the name for clients that do not read filename* (RFC 6266 section 4.3).
func ascii(file string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, file)
}
