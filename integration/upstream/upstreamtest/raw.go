package upstreamtest

import (
	"hash/fnv"
	"mime"
	"net/url"
	"path"
)

// RawURL is the address of the raw files, with a slash at its end.
func (u *Server) RawURL() string { return u.URL + "/raw/" }

// Raw publishes bytes at a path below RawURL, with ETag and Last-Modified. What was there is replaced.
func (u *Server) Raw(name string, b []byte) *File { return u.raw(name, fixed(b)) }

// RawGenerated publishes a file of any size that is computed while it is sent. Its bytes follow from path and size.
func (u *Server) RawGenerated(name string, size int64) *File {
	return u.raw(name, generated{seedOf(name), size})
}

func (u *Server) raw(name string, c content) *File {
	media := mime.TypeByExtension(path.Ext(name))
	if media == "" {
		media = "application/octet-stream"
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.add("/raw/"+name, media, c)
}

// Header has a file be sent with a further header, such as Repr-Digest or Cache-Control; without values, without it.
func (u *Server) Header(path, name string, values ...string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f := u.files[path]
	if f == nil {
		panic("upstreamtest: no file " + path)
	}
	header := f.header.Clone()
	header.Del(name)
	for _, v := range values {
		header.Add(name, v)
	}
	f.header = header
}

func seedOf(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash takes everything
	return h.Sum64()
}

func escape(path string) string { return (&url.URL{Path: path}).EscapedPath() }
