package upstreamtest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

type ociRepository struct {
	tags        map[string]string // digests
	attachments []attachment
}

// attachment is a manifest with a subject.
type attachment struct {
	subject, artifactType string
	descriptor            map[string]any
}

type ociRegistry struct {
	repositories map[string]*ociRepository
	redirect     bool
	referrers    bool
	pageSize     int
	guarded      bool // by tokens
	basic        string
	tokens       map[string]bool
	issued       int
}

// OCIHost is the host and port that image names begin with.
func (u *Server) OCIHost() string { return u.Origin.Addr }

// OCIURL is the address of the registry, without the /v2/.
func (u *Server) OCIURL() string { return u.URL }

// OCIPath is the path of a manifest by tag or digest.
func OCIPath(repository, reference string) string {
	return "/v2/" + repository + "/manifests/" + reference
}

// BlobPath is the path of a blob.
func BlobPath(repository, digest string) string { return "/v2/" + repository + "/blobs/" + digest }

// OCIRedirect has blobs be sent by the CDN: 307 to a URL with a secret in its query. They are sent by the origin at first.
func (u *Server) OCIRedirect(on bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.oci.redirect = on
}

// OCIReferrers switches the referrers API off and on; it is there at first. Without it attachments are found by tags, as the
// specification says, if they are attached while it is off.
func (u *Server) OCIReferrers(on bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.oci.referrers = on
}

// OCITagPage limits the tags of one answer; 0 is no limit.
func (u *Server) OCITagPage(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.oci.pageSize = n
}

// RequireToken has the registry of images answer 401 without a token of its /token, which asks for user and password; "" has it
// give tokens to everybody. The other formats do not notice.
func (u *Server) RequireToken(user, password string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.oci.guarded, u.oci.basic = true, ""
	if user != "" {
		u.oci.basic = basic(user, password)
	}
}

// ExpireTokens refuses the tokens that were given so far.
func (u *Server) ExpireTokens() {
	u.mu.Lock()
	defer u.mu.Unlock()
	clear(u.oci.tokens)
}

// OCITag moves a tag to a digest; "" removes the tag.
func (u *Server) OCITag(repository, tag, digest string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if digest == "" {
		delete(u.ociRepository(repository).tags, tag)
		return
	}
	u.ociRepository(repository).tags[tag] = digest
}

// OCIRemove removes a manifest with its tags; digest "" removes the repository.
func (u *Server) OCIRemove(repository, digest string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := u.ociRepository(repository)
	delete(u.files, OCIPath(repository, digest))
	maps.DeleteFunc(r.tags, func(_, d string) bool { return d == digest })
	if digest == "" {
		delete(u.oci.repositories, repository)
		maps.DeleteFunc(u.files, func(path string, _ *File) bool { return strings.HasPrefix(path, "/v2/"+repository+"/") })
	}
}

// ociRepository is made when it is asked for. The caller holds mu.
func (u *Server) ociRepository(name string) *ociRepository {
	r := u.oci.repositories[name]
	if r == nil {
		r = &ociRepository{tags: map[string]string{}}
		u.oci.repositories[name] = r
	}
	return r
}

// distribution answers below /v2/. The caller holds mu.
func (u *Server) distribution(h *Host, r *http.Request, path string) *answer {
	a := u.ociAnswer(h, r, path)
	a.header.Set("Docker-Distribution-Api-Version", "registry/2.0")
	return a
}

func (u *Server) ociAnswer(h *Host, r *http.Request, path string) *answer {
	name, kind, ref := cutRoute(path)
	if h == u.Origin && u.oci.guarded && !u.oci.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+" "+name] {
		return u.challenge(name)
	}
	repository := u.oci.repositories[name]
	switch {
	case path == "":
		return &answer{header: http.Header{"Content-Type": {"application/json"}}, body: fixed([]byte("{}"))}
	case repository == nil:
		return ociError(http.StatusNotFound, "NAME_UNKNOWN")
	case kind == "manifests":
		if digest, ok := repository.tags[ref]; ok {
			ref = digest
		}
		f := u.files[OCIPath(name, ref)]
		if f == nil {
			return ociError(http.StatusNotFound, "MANIFEST_UNKNOWN")
		}
		a := f.answer()
		a.header.Set("Docker-Content-Digest", ref)
		return a
	case kind == "blobs":
		return u.ociBlob(h, name, ref)
	case kind == "tags":
		return u.tagList(r, name, repository)
	case kind == "referrers" && u.oci.referrers:
		return referrers(r, repository, ref)
	}
	return ociError(http.StatusNotFound, "UNSUPPORTED")
}

// cutRoute splits a path behind /v2/; kind is "" for what is no route.
func cutRoute(path string) (name, kind, ref string) {
	for _, kind := range []string{"manifests", "blobs", "referrers"} {
		if i := strings.LastIndex(path, "/"+kind+"/"); i >= 0 {
			return path[:i], kind, path[i+len(kind)+2:]
		}
	}
	if name, ok := strings.CutSuffix(path, "/tags/list"); ok {
		return name, "tags", ""
	}
	return "", "", ""
}

// ociBlob answers a blob. The caller holds mu.
func (u *Server) ociBlob(h *Host, name, digest string) *answer {
	f := u.files[BlobPath(name, digest)]
	if f == nil {
		return ociError(http.StatusNotFound, "BLOB_UNKNOWN")
	}
	if u.oci.redirect && h == u.Origin {
		to := u.CDN.URL + escape(f.Path) + "?X-Signature=" + f.SHA1()
		return &answer{status: http.StatusTemporaryRedirect, header: http.Header{"Location": {to}}, body: fixed(nil)}
	}
	a := f.answer()
	a.header.Set("Docker-Content-Digest", digest)
	return a
}

func (u *Server) tagList(r *http.Request, name string, repository *ociRepository) *answer {
	tags := sorted(maps.Keys(repository.tags))
	if last := r.URL.Query().Get("last"); last != "" {
		tags = slices.DeleteFunc(tags, func(tag string) bool { return tag <= last })
	}
	limit := u.oci.pageSize
	if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && n > 0 && (limit == 0 || n < limit) {
		limit = n
	}
	link := ""
	if limit > 0 && len(tags) > limit {
		tags = tags[:limit]
		link = fmt.Sprintf(`</v2/%s/tags/list?n=%d&last=%s>; rel="next"`, name, limit, url.QueryEscape(tags[limit-1]))
	}
	a := document("application/json", map[string]any{"name": name, "tags": tags}, time.Time{})
	if link != "" {
		a.header.Set("Link", link)
	}
	return a
}

func referrers(r *http.Request, repository *ociRepository, subject string) *answer {
	only := r.URL.Query().Get("artifactType")
	found := []map[string]any{}
	for _, x := range repository.attachments {
		if x.subject == subject && (only == "" || x.artifactType == only) {
			found = append(found, x.descriptor)
		}
	}
	a := document(indexType, index(found), time.Time{})
	if only != "" {
		a.header.Set("OCI-Filters-Applied", "artifactType")
	}
	return a
}

func ociError(status int, code string) *answer {
	body := marshal(map[string]any{"errors": []map[string]string{{"code": code, "message": strings.ToLower(strings.ReplaceAll(code, "_", " "))}}})
	return &answer{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: fixed(body)}
}

// challenge names the realm, and the scope that a repository needs.
func (u *Server) challenge(name string) *answer {
	a := ociError(http.StatusUnauthorized, "UNAUTHORIZED")
	value := fmt.Sprintf(`Bearer realm="%s/token",service="upstreamtest"`, u.URL)
	if name != "" {
		value += fmt.Sprintf(`,scope="repository:%s:pull"`, name)
	}
	a.header.Set("WWW-Authenticate", value)
	return a
}

// token gives a token for the repositories of the scopes that the client asks for. The caller holds mu.
func (u *Server) token(r *http.Request) *answer {
	if u.oci.basic != "" && r.Header.Get("Authorization") != u.oci.basic {
		a := ociError(http.StatusUnauthorized, "UNAUTHORIZED")
		a.header.Set("WWW-Authenticate", `Basic realm="upstreamtest"`)
		return a
	}
	u.oci.issued++
	token := fmt.Sprintf("upstream-token-%d", u.oci.issued)
	u.oci.tokens[token+" "] = true
	for _, scopes := range r.URL.Query()["scope"] {
		for _, scope := range strings.Fields(scopes) {
			if parts := strings.SplitN(scope, ":", 3); len(parts) == 3 && parts[0] == "repository" {
				u.oci.tokens[token+" "+parts[1]] = true
			}
		}
	}
	return document("application/json", map[string]any{"token": token, "access_token": token, "expires_in": 300}, time.Time{})
}
