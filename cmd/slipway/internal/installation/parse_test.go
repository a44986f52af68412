package installation

import (
	"path/filepath"
	"strings"
	"testing"
)

// FuzzStores: the database and the place for bytes follow the settings; a refusal names the setting and does not repeat its
// value, which may hold a password.
func FuzzStores(f *testing.F) {
	for _, s := range []string{
		"sqlite", "sqlite:///a.db", "postgres://u:p@h/db", "file:///a", "s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=x&path_style=true",
		"s3://bucket/../x", "s3://u:p@bucket", "file://host/a", "file:///a?x=1", "%zz", "sqlite:a.db", "s3://b?endpoint=%", "s3://B_/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, setting string) {
		c := &Config{Data: "data", Metadata: setting, Blobs: setting}
		db, err := c.database()
		if err == nil && ((db.file == "") == (db.server == "") || db.file != "" && setting != "" && setting != "sqlite" && !filepath.IsAbs(db.file)) {
			t.Fatalf("--metadata %q is %q, %q", setting, db.file, db.server)
		}
		if err != nil && !strings.Contains(err.Error(), "--metadata") {
			t.Fatalf("--metadata %q: %v", setting, err)
		}
		target, err := c.blobTarget()
		if err == nil && (target.dir == "") == (target.s3 == nil) {
			t.Fatalf("--blobs %q is %+v", setting, target)
		}
		if err != nil && !strings.Contains(err.Error(), "--blobs") {
			t.Fatalf("--blobs %q: %v", setting, err)
		}
	})
}

// FuzzPrefixes: exactly the named prefixes are trusted, in one spelling.
func FuzzPrefixes(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "10.0.0.1/8,::1", "127.0.0.1", "fe80::1%eth0", ",", "0.0.0.0/33", "::ffff:10.0.0.0/104", "010.0.0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var p, again Prefixes
		if p.Set(text) != nil {
			return
		}
		for _, prefix := range p {
			if !prefix.IsValid() || prefix != prefix.Masked() {
				t.Fatalf("%q holds %v", text, prefix)
			}
		}
		if err := again.Set(p.String()); err != nil || again.String() != p.String() {
			t.Fatalf("%q is %q, then %q: %v", text, p.String(), again.String(), err)
		}
	})
}
