package raw_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/integration/upstream/upstreamtest"
)

// TestUpstream runs what all formats share about registries elsewhere.
func TestUpstream(t *testing.T) {
	formatstest.RunUpstream(t, formatstest.Upstream{
		New:  raw.New,
		Long: true,
		URL:  (*upstreamtest.Server).RawURL,
		Publish: func(u *upstreamtest.Server, pkg string, size int64) formatstest.Elsewhere {
			name := pkg + "/1.0/" + pkg + ".bin"
			return formatstest.Elsewhere{File: u.RawGenerated(name, size), Local: local(name), Mutable: true}
		},
	})
}

// TestRemoteReplaced: a file that the registry replaces while it comes is never put together from both: it is the new one, or no client
// has all of it where some had bytes of the old one, or were told its length.
func TestRemoteReplaced(t *testing.T) {
	for _, c := range []struct {
		name string
		old  []upstreamtest.Fault
		edit func([]byte) []byte
		ok   bool
	}{
		{"same length", nil, func(b []byte) []byte { return bytes.Repeat([]byte{'x'}, len(b)) }, false},
		{"longer", nil, func(b []byte) []byte { return append(b, 'x') }, false},
		{"nothing has left", []upstreamtest.Fault{upstreamtest.Chunked()}, func(b []byte) []byte { return append(b[:mib/2:mib/2], make([]byte, mib)...) }, true},
		{"shorter", []upstreamtest.Fault{upstreamtest.Chunked()}, func(b []byte) []byte { return b[:mib/2] }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mirror(t, formatstest.Options{})
			f := m.u.RawGenerated("tool/1.0.0/tool.bin", 2*mib)
			m.u.On(f.Path, append(c.old, upstreamtest.Cut(mib), upstreamtest.Times(1))...)
			m.u.On(f.Path, upstreamtest.Skip(1), upstreamtest.Edit(c.edit))
			if len(c.old) > 0 {
				m.u.On(f.Path, c.old...)
			}
			want := sha256.Sum256(c.edit(f.Bytes()))
			sum, err := m.sum(t.Context(), "tool/1.0.0/tool.bin")
			if c.ok != (err == nil) || c.ok && sum != hex.EncodeToString(want[:]) {
				t.Errorf("%s, %v", sum, err)
			}
			if m.stored("tool/1.0.0/tool.bin") != c.ok {
				t.Error("what was put together is stored")
			}
			m.MustFsck(t)
		})
	}
}

// TestRemoteMislabelled: a file that is not encoded as its answer says is right if its announced sum is.
func TestRemoteMislabelled(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	f := m.u.Raw("tool/1.0.0/tool.bin", []byte("content"))
	m.u.Header(f.Path, "X-Checksum-Sha256", f.SHA256())
	m.u.On(f.Path, upstreamtest.MislabelEncoding("gzip"))
	if res := m.get("tool/1.0.0/tool.bin"); res.Status != 200 || string(res.Body) != "content" {
		t.Errorf("%v", res)
	}
}
