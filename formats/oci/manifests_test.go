package oci_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/ledger"
)

// TestManifest pushes, reads and deletes images by tag and digest.
func TestManifest(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/team/app"
	m := s.image(image, `{"architecture":"amd64"}`, "layer one", "layer two")
	d := s.push(image, "1.0", m)
	res := s.call(admin, http.MethodPut, image+"/manifests/1.0", m.bytes(), "Content-Type", imageType)
	if res.Status != http.StatusCreated || res.Header.Get("Location") != "/v2/"+image+"/manifests/"+d.String() {
		t.Errorf("the same again: %v %v", res, res.Header)
	}
	for _, ref := range []string{"1.0", d.String(), strings.Replace(d.String(), ":", "%3A", 1)} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			// Accept is not asked: another type would have another digest.
			res := s.want(http.StatusOK, admin, method, image+"/manifests/"+ref, nil, "Accept", dockerIndexType, "Accept-Encoding", "gzip")
			if res.Header.Get("Content-Type") != imageType || res.Header.Get("Docker-Content-Digest") != d.String() ||
				res.Header.Get("Content-Length") != strconv.Itoa(len(m.bytes())) || res.Header.Get("Etag") != `"`+d.String()+`"` || res.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s %s: %v", method, ref, res.Header)
			}
			if method == http.MethodGet && !bytes.Equal(res.Body, m.bytes()) {
				t.Errorf("GET %s: other bytes: %s", ref, res.Body)
			}
		}
	}
	s.want(http.StatusNotModified, admin, http.MethodGet, image+"/manifests/1.0", nil, "If-None-Match", `"x", W/"`+d.String()+`"`)
	absent := digest.FromString("absent").String()
	s.refused(http.StatusNotFound, "MANIFEST_UNKNOWN", admin, http.MethodGet, image+"/manifests/absent", nil)
	s.refused(http.StatusNotFound, "MANIFEST_UNKNOWN", admin, http.MethodGet, image+"/manifests/"+absent, nil)
	s.refused(http.StatusNotFound, "NAME_UNKNOWN", admin, http.MethodGet, "main/absent/manifests/1", nil)
	s.refused(http.StatusNotFound, "NAME_UNKNOWN", admin, http.MethodGet, "absent/app/manifests/1", nil)
	s.refused(http.StatusNotFound, "NAME_UNKNOWN", admin, http.MethodGet, "main/manifests/1", nil)
	s.refused(http.StatusNotFound, "BLOB_UNKNOWN", admin, http.MethodGet, image+"/blobs/"+d.String(), nil) // a manifest is no blob
	s.refused(http.StatusBadRequest, "TAG_INVALID", admin, http.MethodGet, image+"/manifests/-x", nil)
	s.refused(http.StatusBadRequest, "DIGEST_INVALID", admin, http.MethodGet, image+"/manifests/sha256:baddigeststring", nil)
	s.refused(http.StatusBadRequest, "DIGEST_INVALID", admin, http.MethodPut, image+"/manifests/sha256:baddigeststring", m.bytes())
	s.refused(http.StatusBadRequest, "DIGEST_INVALID", admin, http.MethodPut, image+"/manifests/"+absent, m.bytes())
	s.refused(http.StatusBadRequest, "NAME_INVALID", admin, http.MethodPut, "main/Team/manifests/1", m.bytes())
	s.refused(http.StatusMethodNotAllowed, "UNSUPPORTED", admin, http.MethodPatch, image+"/manifests/1", nil)
	if res := s.refused(http.StatusBadRequest, "MANIFEST_INVALID", admin, http.MethodPut, image+"/manifests/1", []byte(`{"schemaVersion":1,"fsLayers":[]}`)); !strings.Contains(string(res.Body), "schema 1") {
		t.Errorf("schema 1: %v", res)
	}

	s.push(image, "2.0", m)
	s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/2.0", nil)
	s.refused(http.StatusNotFound, "MANIFEST_UNKNOWN", admin, http.MethodDelete, image+"/manifests/2.0", nil)
	s.want(http.StatusOK, admin, http.MethodHead, image+"/manifests/1.0", nil)
	layer := "/blobs/" + m.Layers[0].Digest.String()
	if res := s.refused(http.StatusForbidden, "DENIED", admin, http.MethodDelete, image+layer, nil); !strings.Contains(string(res.Body), "needs the blob") {
		t.Errorf("a layer in use: %v", res)
	}
	s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+d.String(), nil)
	for _, ref := range []string{"1.0", d.String()} { // S-33: at once, and nothing remembers it
		s.want(http.StatusNotFound, admin, http.MethodHead, image+"/manifests/"+ref, nil)
		s.refused(http.StatusNotFound, "MANIFEST_UNKNOWN", admin, http.MethodGet, image+"/manifests/"+ref, nil)
	}
	s.want(http.StatusAccepted, admin, http.MethodDelete, image+layer, nil)
	s.want(http.StatusNotFound, admin, http.MethodHead, image+layer, nil)
	s.blob(image, []byte("layer one"))
	s.push(image, "1.0", m) // a digest names its content, so it may come back
	s.want(http.StatusOK, admin, http.MethodGet, image+"/manifests/1.0", nil)
	s.MustFsck(t)
}

// TestMissing: everything that a manifest lacks is named at once.
func TestMissing(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/missing"
	m := s.image(image, "{}", "there")
	m.Layers = append(m.Layers, content(layerType, []byte("absent one")), content(layerType, []byte("absent two")))
	other := content("application/vnd.oci.image.layer.nondistributable.v1.tar", []byte("not here"))
	m.Layers = append(m.Layers, other)
	res := s.refused(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", admin, http.MethodPut, image+"/manifests/1", m.bytes())
	var body struct {
		Errors []struct{ Detail struct{ Digest string } }
	}
	if err := json.Unmarshal(res.Body, &body); err != nil || len(body.Errors) != 2 || body.Errors[1].Detail.Digest != m.Layers[2].Digest.String() {
		t.Errorf("what is missing: %s %v", res.Body, err)
	}
	m.Layers = []desc{m.Layers[0], other}
	s.push(image, "1", m)
	index := man{SchemaVersion: 2, MediaType: indexType, Manifests: []desc{m.desc(), content(layerType, []byte("absent"))}}
	s.refused(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", admin, http.MethodPut, image+"/manifests/all", index.bytes())
	// A blob of another image is not of this one.
	s.blob("main/elsewhere", []byte("elsewhere"))
	m.Layers = append(m.Layers, content(layerType, []byte("elsewhere")))
	s.refused(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", admin, http.MethodPut, image+"/manifests/2", m.bytes())
	s.MustFsck(t)
}

// TestManifestWarning: a descriptor with a wrong size is taken, with a warning that clients print.
func TestManifestWarning(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	m := s.image("main/app", "{}", "layer")
	m.Layers[0].Size++
	res := s.call(admin, http.MethodPut, "main/app/manifests/1", m.bytes())
	if w := res.Header.Get("Warning"); res.Status != http.StatusCreated || !strings.HasPrefix(w, `299 - "the manifest says`) {
		t.Errorf("%v, warning %q", res, w)
	}
}

// TestTagParameters is end-7b, by sha256 and sha512.
func TestTagParameters(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/params"
	m := s.image(image, "{}", "layer").bytes()
	for _, d := range []digest.Digest{digest.FromBytes(m), digest.SHA512.FromBytes(m)} {
		tags := make([]string, 20)
		query := ""
		for i := range tags {
			tags[i] = fmt.Sprintf("%s-%d", d.Algorithm(), i)
			query += "&tag=" + tags[i]
		}
		res := s.want(http.StatusCreated, admin, http.MethodPut, image+"/manifests/"+d.String()+"?"+query+"&tag="+tags[0], m, "Content-Type", imageType)
		if res.Header.Get("OCI-Tag") != strings.Join(tags, ", ") || res.Header.Get("Docker-Content-Digest") != d.String() {
			t.Errorf("%v", res.Header)
		}
		for _, ref := range []string{tags[7], d.String()} {
			if res := s.want(http.StatusOK, admin, http.MethodHead, image+"/manifests/"+ref, nil); res.Header.Get("Docker-Content-Digest") != d.String() {
				t.Errorf("%s: %v", ref, res.Header)
			}
		}
		s.refused(http.StatusBadRequest, "TAG_INVALID", admin, http.MethodPut, image+"/manifests/"+d.String()+"?tag=ok&tag=-no", m)
		s.want(http.StatusNotFound, admin, http.MethodHead, image+"/manifests/ok", nil)
		s.want(http.StatusRequestURITooLong, admin, http.MethodPut, image+"/manifests/"+d.String()+"?x="+strings.Repeat("y", 8<<10), m)
		s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+d.String(), nil)
		s.want(http.StatusNotFound, admin, http.MethodHead, image+"/manifests/"+tags[0], nil)
	}
}

// TestConditionalPut guards a tag against lost updates.
func TestConditionalPut(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/cond"
	one, two := s.image(image, "{}", "one"), s.image(image, "{}", "two")
	put := func(m man, status int, header ...string) {
		t.Helper()
		s.want(status, admin, http.MethodPut, image+"/manifests/latest", m.bytes(), header...)
	}
	tag := func(m man) string { return `"` + m.desc().Digest.String() + `"` }
	put(one, http.StatusPreconditionFailed, "If-Match", tag(one))
	put(one, http.StatusCreated, "If-None-Match", "*")
	put(two, http.StatusPreconditionFailed, "If-None-Match", "*")
	put(two, http.StatusPreconditionFailed, "If-Match", tag(two))
	s.want(http.StatusNotFound, admin, http.MethodHead, image+"/manifests/"+two.desc().Digest.String(), nil) // nothing of it was stored
	put(two, http.StatusCreated, "If-Match", `"x", `+tag(one))
	// Of many writers who have read the same, one wins.
	won := 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 8 {
		next := s.image(image, "{}", "next "+strconv.Itoa(i))
		wg.Go(func() {
			res := s.call(admin, http.MethodPut, image+"/manifests/latest", next.bytes(), "If-Match", tag(two))
			mu.Lock()
			defer mu.Unlock()
			if res.Status == http.StatusCreated {
				won++
			} else if res.Status != http.StatusPreconditionFailed {
				t.Errorf("%v", res)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
	s.MustFsck(t)
}

// TestReferrers is end-12: filters, missing subjects, order, what is not there.
func TestReferrers(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/ref"
	list := func(d digest.Digest, query string) []desc {
		t.Helper()
		res := s.want(http.StatusOK, admin, http.MethodGet, image+"/referrers/"+d.String()+query, nil)
		var index struct {
			SchemaVersion int
			MediaType     string
			Manifests     []desc
		}
		if err := json.Unmarshal(res.Body, &index); err != nil || index.SchemaVersion != 2 || index.MediaType != indexType || index.Manifests == nil ||
			res.Header.Get("Content-Type") != indexType {
			t.Errorf("referrers%s: %v %v", query, res, err)
		}
		if want := strings.Contains(query, "artifactType"); (res.Header.Get("OCI-Filters-Applied") == "artifactType") != want {
			t.Errorf("referrers%s: %v", query, res.Header)
		}
		return index.Manifests
	}
	subject := man{SchemaVersion: 2, MediaType: imageType, Config: ptr(content(configType, emptyJSON)), Layers: []desc{content(layerType, []byte("layer"))}}
	d := subject.desc().Digest
	if got := list(d, ""); len(got) != 0 {
		t.Errorf("of an image that is not there: %v", got)
	}
	s.blob(image, emptyJSON)
	by := func(artifact, config, note string) man {
		return man{SchemaVersion: 2, MediaType: imageType, ArtifactType: artifact, Config: ptr(content(config, emptyJSON)),
			Subject: ptr(subject.desc()), Annotations: map[string]string{"note": note}}
	}
	refs := []man{by("application/sbom", "application/vnd.oci.empty.v1+json", "1"), by("", "application/vnd.example.signature", "2"),
		{SchemaVersion: 2, MediaType: indexType, Subject: ptr(subject.desc()), Annotations: map[string]string{"note": "3"}, Manifests: []desc{}},
		by("application/sbom", configType, "4"), by("application/spdx+json", configType, "5")}
	for i, m := range refs { // before their subject
		raw := m.bytes()
		if m.MediaType == indexType {
			raw = bytes.Replace(raw, []byte(`"subject"`), []byte(`"manifests":[],"subject"`), 1)
		}
		res := s.want(http.StatusCreated, admin, http.MethodPut, image+"/manifests/"+digestOf(raw).String(), raw)
		if res.Header.Get("OCI-Subject") != d.String() {
			t.Errorf("referrer %d: %v", i, res.Header)
		}
	}
	check := func(query string, notes ...string) {
		t.Helper()
		var got []string
		for _, r := range list(d, query) {
			got = append(got, r.Annotations["note"])
			if body := s.want(http.StatusOK, admin, http.MethodGet, image+"/manifests/"+r.Digest.String(), nil).Body; len(body) != r.Size {
				t.Errorf("size %d of %d", r.Size, len(body))
			}
		}
		if !slices.Equal(got, notes) {
			t.Errorf("referrers%s: %v, want %v", query, got, notes)
		}
	}
	check("", "1", "2", "3", "4", "5")
	check("?artifactType=application/sbom", "1", "4")
	check("?artifactType=application%2Fvnd.example.signature", "2")
	check("?artifactType=", "3")
	check("?artifactType=application/spdx+json", "5") // O3: a raw plus, as clients send it
	check("?artifactType=application%2Fspdx%2Bjson", "5")
	check("?artifactType=application/none")
	s.blob(image, []byte("layer"))
	s.push(image, "app", subject)
	check("", "1", "2", "3", "4", "5")
	s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+d.String(), nil)
	check("", "1", "2", "3", "4", "5")
	s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+refs[1].desc().Digest.String(), nil)
	check("", "1", "3", "4", "5")
	s.refused(http.StatusBadRequest, "DIGEST_INVALID", admin, http.MethodGet, image+"/referrers/sha256:x", nil)
	if res := s.want(http.StatusOK, admin, http.MethodHead, image+"/referrers/"+d.String(), nil); res.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %v", res.Header)
	}
	if got := list("sha256:"+digest.Digest(strings.Repeat("0", 64)), ""); len(got) != 0 {
		t.Errorf("the digest that clients probe with: %v", got)
	}
}

func ptr[T any](v T) *T { return &v }

// TestReferrersPages: many large referrers come in pages that clients can read, each once.
func TestReferrersPages(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/many"
	s.blob(image, emptyJSON)
	subject := content(imageType, []byte("subject"))
	const n = 7 // in three pages
	for i := range n {
		m := man{SchemaVersion: 2, MediaType: imageType, ArtifactType: "a/b", Config: ptr(content(configType, emptyJSON)), Subject: &subject,
			Annotations: map[string]string{"note": strconv.Itoa(i), "fill": strings.Repeat("x", 1<<20)}}
		s.push(image, "", m)
	}
	var got []string
	next := "/v2/" + image + "/referrers/" + subject.Digest.String() + "?artifactType=a/b"
	for pages := 0; next != ""; pages++ {
		res := s.want(http.StatusOK, admin, http.MethodGet, next, nil)
		if len(res.Body) > 4<<20+1<<10 || pages > n {
			t.Fatalf("page %d of %d bytes", pages, len(res.Body))
		}
		var index struct{ Manifests []desc }
		if err := json.Unmarshal(res.Body, &index); err != nil {
			t.Fatal(err)
		}
		for _, d := range index.Manifests {
			got = append(got, d.Annotations["note"])
		}
		next = nextLink(t, res)
	}
	if len(got) != n || !slices.IsSortedFunc(got, func(a, b string) int { x, _ := strconv.Atoi(a); y, _ := strconv.Atoi(b); return x - y }) {
		t.Errorf("referrers %v", got)
	}
}

// TestReferrersGone: when the manifest is deleted at which a page ended, the next page goes on behind it.
func TestReferrersGone(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/gone"
	subject := content(imageType, []byte("subject"))
	var pushed []string
	for i := range 5 {
		pushed = append(pushed, s.fat(image, subject, i, 2<<20-1<<10).String())
	}
	page := func(path string) (digests []string, next string) {
		res := s.want(http.StatusOK, admin, http.MethodGet, path, nil)
		for _, d := range parse(t, res.Body).Manifests {
			digests = append(digests, d.Digest.String())
		}
		return digests, nextLink(t, res)
	}
	first, next := page(image + "/referrers/" + subject.Digest.String())
	s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+first[len(first)-1], nil)
	second, next := page(next)
	s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+second[0], nil)
	third, last := page(next)
	if got := slices.Concat(first, second, third); !slices.Equal(got, pushed) || last != "" {
		t.Errorf("pages %v, %v, %v (next %q) of %v", first, second, third, last, pushed)
	}
	s.refused(http.StatusBadRequest, "UNSUPPORTED", admin, http.MethodGet, image+"/referrers/"+subject.Digest.String()+"?after=x", nil)
}

// TestReferrersMemory: a page costs memory for what it shows, not for all referrers; a filter that finds few answers in parts.
func TestReferrersMemory(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const (
		image = "main/fat"
		n     = 7
		size  = 3 << 20 // one fits into a page
	)
	subject := content(imageType, []byte("subject"))
	next := "/v2/" + image + "/referrers/" + subject.Digest.String()
	page := func() (allocated uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res := s.want(http.StatusOK, admin, http.MethodGet, next, nil)
		runtime.ReadMemStats(&after)
		if len(parse(t, res.Body).Manifests) != 1 {
			t.Errorf("page of %d bytes", len(res.Body))
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	var few uint64
	for i := range n {
		if i == 2 {
			few = page()
		}
		s.fat(image, subject, i, size)
	}
	if many := page(); many > 2*few { // all of them would be more than three times as much
		t.Errorf("the first page allocates %d MiB for 2 referrers, %d MiB for %d", few>>20, many>>20, n)
	}
	pages := 0
	var res formatstest.Response
	for next += "?artifactType=none"; next != ""; next = nextLink(t, res) {
		if res = s.want(http.StatusOK, admin, http.MethodGet, next, nil); len(parse(t, res.Body).Manifests) > 0 || pages > n {
			t.Fatalf("page %d: %v", pages, res)
		}
		pages++
	}
	if pages < 2 {
		t.Errorf("%d manifests of %d MiB were read for one page", n, size>>20)
	}
}

// fat pushes an index with a long annotation about a subject.
func (s *server) fat(image string, subject desc, i, size int) digest.Digest {
	s.t.Helper()
	raw := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"manifests":[],"subject":{"mediaType":%q,"digest":%q,"size":%d},"annotations":{"%d":%q}}`,
		indexType, subject.MediaType, subject.Digest, subject.Size, i, strings.Repeat("x", size))
	d := digestOf(raw)
	s.want(http.StatusCreated, admin, http.MethodPut, image+"/manifests/"+d.String(), raw)
	return d
}

// nextLink is the target of Link, which has no host.
func nextLink(t testing.TB, res formatstest.Response) string {
	t.Helper()
	link := res.Header.Get("Link")
	if link == "" {
		return ""
	}
	target, ok := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	if !ok || !strings.HasPrefix(target, "/v2/") {
		t.Fatalf("Link %q", link)
	}
	return target
}

// TestTagsList is end-8: byte order, pages, what is not there.
func TestTagsList(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/tags"
	s.refused(http.StatusNotFound, "NAME_UNKNOWN", admin, http.MethodGet, image+"/tags/list", nil)
	m := s.image(image, "{}")
	tags := []string{"b", "a", "B", "1", "_x", "a.1", "a-1", "a_1"}
	for _, tag := range tags {
		s.push(image, tag, m)
	}
	slices.Sort(tags)
	list := func(query string) ([]string, string) {
		t.Helper()
		res := s.want(http.StatusOK, admin, http.MethodGet, image+"/tags/list"+query, nil)
		var body struct {
			Name string
			Tags []string
		}
		if err := json.Unmarshal(res.Body, &body); err != nil || body.Name != image || body.Tags == nil {
			t.Errorf("tags%s: %v", query, res)
		}
		return body.Tags, nextLink(t, res)
	}
	for query, want := range map[string][]string{
		"": tags, "?n=100": tags, "?n=8": tags, "?n=3": tags[:3], "?n=0": {}, "?last=a": tags[4:], "?last=a!": tags[4:], "?last=zzz": {}, "?n=2&last=1": tags[1:3],
	} {
		if query == "?last=a" || query == "?last=a!" {
			i, found := slices.BinarySearch(tags, strings.TrimPrefix(query, "?last="))
			if found {
				i++
			}
			want = tags[i:]
		}
		got, next := list(query)
		if !slices.Equal(got, want) || (next != "") != (query == "?n=3" || query == "?n=2&last=1") {
			t.Errorf("tags%s: %v %q, want %v", query, got, next, want)
		}
	}
	var all []string
	for next := "/v2/" + image + "/tags/list?n=3"; next != ""; {
		got, more := list(strings.TrimPrefix(next, "/v2/"+image+"/tags/list"))
		all, next = append(all, got...), more
	}
	if !slices.Equal(all, tags) {
		t.Errorf("page by page: %v", all)
	}
	for _, n := range []string{"-1", "x", "1.5", "99999999999999999999"} {
		s.refused(http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", admin, http.MethodGet, image+"/tags/list?n="+n, nil)
	}
	s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+m.desc().Digest.String(), nil)
	if got, _ := list(""); len(got) != 0 {
		t.Errorf("of an image without manifests: %v", got)
	}
}

// TestEvents: one artifact.published for each version that has a tag, one tag.set for each move of a tag, nothing for the
// parts of an index, for referrers, or for the same again.
func TestEvents(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/events"
	start := len(s.events())
	var parts []desc
	for _, arch := range []string{"amd64", "arm64"} {
		m := s.image(image, `{"architecture":"`+arch+`"}`, "layer "+arch)
		s.push(image, "", m)
		parts = append(parts, m.desc())
	}
	index := man{SchemaVersion: 2, MediaType: indexType, Manifests: parts}
	s.push(image, "1.0", index)
	s.push(image, "1.0", index)
	s.push(image, "", man{SchemaVersion: 2, MediaType: imageType, Config: ptr(content(configType, []byte(`{"architecture":"amd64"}`))), Subject: ptr(index.desc())})
	next := man{SchemaVersion: 2, MediaType: indexType, Manifests: parts[:1]}
	s.push(image, "1.0", next)
	s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/1.0", nil)
	var got []string
	for _, e := range s.events()[start:] {
		var data struct {
			Tag, Package, Version, Repository, Digest string

			MediaType string `json:"media_type"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		if kind := strings.TrimSuffix(strings.TrimPrefix(e.Type, registry.EventTypePrefix), registry.EventTypeSuffix); kind != "artifact.stored" && kind != "attachment.stored" {
			got = append(got, kind+" "+data.Tag+" "+data.Version[7:15])
			if want := "pkg:oci/events@sha256%3A" + data.Version[7:] + "?repository_url=" + s.Addr + "/main/events"; e.Subject != want || data.Package != "events" {
				t.Errorf("subject %s, want %s", e.Subject, want)
			}
			if data.Repository != "main" || data.Digest != data.Version || data.MediaType != indexType {
				t.Errorf("%s does not say what to pull: %+v", kind, data)
			}
		}
	}
	a, b := index.desc().Digest.String()[7:15], next.desc().Digest.String()[7:15]
	want := []string{"artifact.published  " + a, "tag.set 1.0 " + a, "artifact.published  " + b, "tag.set 1.0 " + b, "tag.removed 1.0 " + b}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// TestTagParametersAnnounce: a manifest that was stored by its digest is announced once, however many tags come with the next PUT.
func TestTagParametersAnnounce(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/announced"
	m := s.image(image, "{}", "layer")
	d := s.push(image, "", m)
	start := len(s.events())
	for range 2 {
		s.want(http.StatusCreated, admin, http.MethodPut, image+"/manifests/"+d.String()+"?tag=a&tag=b", m.bytes(), "Content-Type", imageType)
	}
	var got []string
	for _, e := range s.events()[start:] {
		got = append(got, strings.TrimSuffix(strings.TrimPrefix(e.Type, registry.EventTypePrefix), registry.EventTypeSuffix))
	}
	if want := []string{"artifact.published", "tag.set", "tag.set"}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	s.MustFsck(t)
}

func (s *server) events() []registry.Event {
	s.t.Helper()
	events, _, err := s.Ledger.Events(s.Admin, ledger.EventQuery{After: -1})
	if err != nil {
		s.t.Fatal(err)
	}
	return events
}

// TestFacts: where an image comes from is read from annotations, labels and the config, which may be anything.
func TestFacts(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/facts"
	commit := "0123456789abcdef0123456789abcdef01234567"
	config := `{"created":"2026-03-04T05:06:07.123456789Z","config":{"Labels":{"org.label-schema.vcs-ref":"` + strings.ToUpper(commit) +
		`","org.opencontainers.image.source":"git@git.example.com:team/app.git","org.opencontainers.image.created":"yesterday"}}}`
	m := s.image(image, config, "layer")
	m.Annotations = map[string]string{"org.opencontainers.image.revision": commit, "org.opencontainers.image.created": "1970-01-01T00:00:00Z"}
	facts := func(d digest.Digest) string {
		t.Helper()
		at := registry.Name{Repository: "main", Format: "oci", Package: "facts"}
		detail, err := s.Catalog.VersionDetail(s.Admin, at.At(d.String()))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range detail.Facts {
			out = append(out, fmt.Sprintf("%s=%s from %s %d", f.Key, f.Value, f.Source, f.Rank))
		}
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	want := strings.Join([]string{
		"build.finished_at=2026-03-04T05:06:07.123456Z from oci:config 1",
		"source.commit=" + commit + " from oci:annotation 1", "source.commit=" + commit + " from oci:label 1",
		"source.repository=https://git.example.com/team/app from oci:label 1",
	}, "\n")
	if got := facts(s.push(image, "1", m)); got != want {
		t.Errorf("facts:\n%s\nwant:\n%s", got, want)
	}
	// O1 and O6: what flux writes, and a source with a credential in it.
	m.Annotations = map[string]string{"org.opencontainers.image.revision": "main@sha1:" + commit + "-dirty", "org.opencontainers.image.source": "oauth2:tok@host/x"}
	m.Config = ptr(content(configType, emptyJSON))
	s.blob(image, emptyJSON)
	want = strings.Join([]string{
		"source.commit=" + commit + " from oci:annotation 1", "source.dirty=true from oci:annotation 1",
		"source.repository=host/x from oci:annotation 1", "source.revision=main@sha1:" + commit + "-dirty from oci:annotation 1",
	}, "\n")
	if got := facts(s.push(image, "2", m)); got != want {
		t.Errorf("facts of a flux artifact:\n%s\nwant:\n%s", got, want)
	}
	for _, odd := range []string{"not json", `{"config":{"Labels":[]}}`, `{"created":1}`, "", strings.Repeat("{", 2<<20)} {
		if got := facts(s.push(image, "odd", s.image(image, odd))); got != "" {
			t.Errorf("config %.20q: %s", odd, got)
		}
	}
}

// TestConcurrentPush: the same image pushed at once by many is there once, and everybody is told that it is.
func TestConcurrentPush(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	m := s.image("main/same", "{}", "layer")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { s.push("main/same", "latest", m) })
	}
	wg.Wait()
	s.MustFsck(t)
}
