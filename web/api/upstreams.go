package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

const (
	upstreamsPath = repositoryPath + "/upstreams"
	upstreamPath  = upstreamsPath + "/{name}"
)

// upstreamRoutes are the endpoints of the places that a repository answers from beside its own versions.
func (h *handlers) upstreamRoutes() []endpoint {
	return []endpoint{
		{"GET", upstreamsPath, "api.upstreams.list", h.listUpstreams, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "listUpstreams", Group: "Upstreams", Summary: "List the upstreams of a repository",
			About:   "Without those that you may not read, unless you administer the repository.",
			Answers: success("The upstreams, in the order in which they are asked.", api.List[api.Upstream]{Items: []api.Upstream{upstreamExample, remoteExample}})}},
		{"POST", upstreamsPath, "api.upstreams.add", h.addUpstream, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "addUpstream", Group: "Upstreams", Summary: "Let a repository answer from another one, or from a registry elsewhere",
			About: "It is asked last. You must be able to read the other repository, and administer it to open it with `through`. A registry elsewhere, " +
				"of the type `remote`, is added by administrators of the server.",
			Request: openapi.Takes[api.NewUpstream](`{"repository":"team-a","formats":["npm"]}`),
			Answers: created("The upstream.", upstreamExample, locationOf), Errors: []int{http.StatusConflict}}},
		{"PUT", upstreamsPath + "/order", "api.upstreams.order", h.orderUpstreams, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "orderUpstreams", Group: "Upstreams", Summary: "Set the order in which upstreams are asked",
			Request: openapi.Takes[api.UpstreamOrder](`{"upstreams":["team-a","team-b"]}`, "upstreams"),
			Answers: success("The upstreams.", api.List[api.Upstream]{Items: []api.Upstream{upstreamExample, remoteExample}})}},
		{"GET", upstreamPath, "api.upstreams.get", h.getUpstream, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "getUpstream", Group: "Upstreams", Summary: "Show an upstream", Answers: success("The upstream.", upstreamExample)}},
		{"PATCH", upstreamPath, "api.upstreams.change", h.changeUpstream, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "changeUpstream", Group: "Upstreams", Summary: "Change an upstream", About: "What the body does not name stays. A remote " +
				"at another `url` is another remote under the name: what came from the former stays, and is not compared with what the new one has. `url`, `redirects`, `auth`, `tls`, `proxy` and `proxy_auth` " +
				"are changed by administrators of the server.",
			Request: openapi.Takes[api.UpstreamChange](`{"deny":["@secret/*"]}`), Answers: success("The upstream.", upstreamExample)}},
		{"DELETE", upstreamPath, "api.upstreams.remove", h.removeUpstream, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "removeUpstream", Group: "Upstreams", Summary: "Stop answering from an upstream",
			About: "The other repository stays as it is.", Answers: empty("It is off the list.")}},
		{"POST", upstreamPath + "/check", "api.upstreams.check", h.checkUpstream, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "checkUpstream", Group: "Upstreams", Summary: "Try whether a registry elsewhere can be asked",
			About:   "Over a connection of its own, step by step, whatever its breaker says. Nothing of the answer is kept.",
			Query:   []openapi.Param{{Name: "package", About: "Ask for this package; absent: for the address alone."}},
			Answers: success("The steps.", checkExample)}},
		{"POST", repositoryPath + "/refresh", "api.repositories.refresh", h.refresh, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "refreshRepository", Group: "Upstreams", Summary: "Ask registries elsewhere for news",
			About: "What a client asks for next is asked of the remotes of the repository, although what was known of it is not old yet: documents, files whose bytes " +
				"may change, and what was absent. Remotes of other repositories that it reaches are included where you administer those.",
			Query: []openapi.Param{{Name: "format", About: "Only of this format."},
				{Name: "package", About: "Only about this package; needs `format`."}},
			Answers: accepted("How much of what was known counts no more.", refreshedExample)}},
	}
}

var (
	upstreamExample = api.Upstream{Name: "team-a", Type: upstreams.TypeRepository, Repository: "team-a", Formats: []string{"npm"}}
	remoteExample   = api.Upstream{Name: "npm", Type: upstreams.TypeRemote, Format: "npm", URL: "https://registry.example.com/", TTL: "10m0s",
		Auth: &api.UpstreamAuth{Type: upstreams.AuthBasic, User: "ci", Secret: true}, State: &api.UpstreamState{Breaker: "closed", Requests: 12, Hosts: []api.UpstreamHost{}}}
	checkExample     = api.UpstreamCheck{OK: true, Steps: []api.UpstreamCheckStep{{Step: "resolve", OK: true, Milliseconds: 1.2, Detail: "done"}, {Step: "ask", OK: true, Milliseconds: 31, Detail: "answered 200"}}}
	refreshedExample = api.Refreshed{Documents: 12, Files: 3}
)

func (h *handlers) upstreamOf(ctx context.Context, repository string) func(upstreams.Upstream) api.Upstream {
	administers := access.Decide(access.From(ctx), access.Admin, repository) == access.Allow
	return func(u upstreams.Upstream) api.Upstream {
		v := u.Settings
		out := api.Upstream{Name: u.Name, Type: u.Type, Repository: u.Member, Format: u.Format, URL: u.URL, Formats: v.Formats, Allow: v.Allow, Deny: v.Deny,
			Mode: v.Mode, Through: v.Through, Writes: v.Writes, WritesVersions: v.WritesVersions, Offline: v.Offline, AnonymousFetch: v.AnonymousFetch, Redirects: v.Redirects,
			ForbiddenIsMissing: v.ForbiddenIsMissing, Library: v.Library, Namespaces: v.Namespaces, OnRemoval: v.OnRemoval, Checksum: v.Checksum, Owns: v.Owns, OnFailure: v.OnFailure, Concurrency: v.Concurrency, Rate: v.Rate, MaxDocument: v.MaxDocument, MaxFile: v.MaxFile, UserAgent: v.UserAgent,
			Proxy: v.Proxy, UnknownAge: v.UnknownAge}
		showConnection(&out, v)
		if s := h.svc.Upstreams.State(u); s != nil && administers {
			out.State = upstreamStateOf(*s)
		}
		return out
	}
}

func upstreamStateOf(s upstreams.State) *api.UpstreamState {
	told := func(n int) *int {
		if n < 0 {
			return nil
		}
		return &n
	}
	out := &api.UpstreamState{Breaker: s.Breaker, LastError: s.LastError, LastErrorAt: timeOrNull(s.LastErrorAt), LastAnswerAt: timeOrNull(s.LastAnswerAt), NextTryAt: timeOrNull(s.NextTry), PausedUntil: timeOrNull(s.PausedUntil),
		Requests: s.Requests, Failures: s.Failures, UnderWay: s.UnderWay, Queued: s.Queued, RateLimit: told(s.Limit), RateLimitRemaining: told(s.Remaining),
		Hosts: make([]api.UpstreamHost, len(s.Others))}
	for i, o := range s.Others {
		out.Hosts[i] = api.UpstreamHost{Origin: o.Origin, Breaker: o.Breaker, LastError: o.LastError, LastErrorAt: timeOrNull(o.LastErrorAt), NextTryAt: timeOrNull(o.NextTry),
			Requests: o.Requests, Failures: o.Failures}
	}
	return out
}

// showConnection fills what is shown of settings that are objects or times.
func showConnection(out *api.Upstream, v upstreams.Settings) {
	if v.Auth.Type != "" {
		out.Auth = &api.UpstreamAuth{Type: v.Auth.Type, User: v.Auth.User, Header: v.Auth.Header, File: v.Auth.File, Secret: true}
	}
	if v.TLS != (upstreams.TLS{}) {
		out.TLS = &api.UpstreamTLS{CA: v.TLS.CA, Certificate: v.TLS.Certificate, Key: !v.TLS.Key.IsZero()}
	}
	if v.ProxyAuth.User != "" {
		out.ProxyAuth = &api.UpstreamProxyAuth{User: v.ProxyAuth.User, Secret: true}
	}
	shown := map[string]*string{"ttl": &out.TTL, "cooldown": &out.Cooldown, "negative_ttl": &out.NegativeTTL, "stale_while_revalidate": &out.StaleWhileRevalidate, "stale_if_error": &out.StaleIfError}
	for name, d := range v.Durations() {
		if *d != nil {
			*shown[name] = time.Duration(**d).String()
		}
	}
	if k := v.Keep; k != (upstreams.Keep{}) {
		out.Keep = &api.UpstreamKeep{Bytes: k.Bytes}
		if k.Unused != nil {
			out.Keep.Unused = time.Duration(*k.Unused).String()
		}
	}
	if t := v.Timeouts; t != (upstreams.Timeouts{}) {
		text := func(d upstreams.Duration) string {
			if d == 0 {
				return ""
			}
			return time.Duration(d).String()
		}
		out.Timeouts = &api.UpstreamTimeouts{Connect: text(t.Connect), Document: text(t.Document), File: text(t.File), Idle: text(t.Idle), StaleAfter: text(t.StaleAfter)}
	}
}

// upstreamsOf lists the upstreams of a repository that the caller may see.
func (h *handlers) upstreamsOf(ctx context.Context, repository string) ([]api.Upstream, error) {
	list, err := h.svc.Upstreams.List(ctx, repository)
	out := make([]api.Upstream, len(list))
	shown := h.upstreamOf(ctx, repository)
	for i, u := range list {
		out[i] = shown(u)
	}
	return out, err
}

func (h *handlers) writeUpstreams(w http.ResponseWriter, r *http.Request, repository string) error {
	list, err := h.upstreamsOf(r.Context(), repository)
	return writeOne(w, http.StatusOK, list, err, func(list []api.Upstream) api.List[api.Upstream] { return api.List[api.Upstream]{Items: list} })
}

// listUpstreams answers GET …/upstreams. There are few, so the list is one page.
func (h *handlers) listUpstreams(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository := in.segment("repository")
	if in.err != nil {
		return in.err
	}
	return h.writeUpstreams(w, r, repository)
}

// newUpstreamOf reads an upstream that is to be made: what names it is taken out, the rest are its settings. Invalid.
func (h *handlers) newUpstreamOf(raw map[string]json.RawMessage) (n upstreams.NewUpstream, err error) {
	n.Type = upstreams.TypeRepository
	if _, ok := raw["url"]; ok {
		n.Type = upstreams.TypeRemote
	}
	for field, to := range map[string]*string{"name": &n.Name, "type": &n.Type, "repository": &n.Repository, "format": &n.Format, "url": &n.URL} {
		if value, ok := raw[field]; ok {
			if json.Unmarshal(value, to) != nil {
				return n, wire.Invalid("the field %q of an upstream must be a text", field)
			}
			delete(raw, field)
		}
	}
	n.Settings, err = h.settingsOf(upstreams.Settings{}, raw)
	return n, err
}

// settingsOf reads settings of an upstream over those that hold. Invalid.
func (h *handlers) settingsOf(now upstreams.Settings, fields map[string]json.RawMessage) (upstreams.Settings, error) {
	for name, d := range now.Durations() {
		if value, ok := fields[name]; ok && string(value) == `""` {
			*d = nil
			delete(fields, name)
		}
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		return now, err
	}
	return h.svc.Upstreams.ParseSettings(now, raw)
}

// upstreamListOf reads the list of a repository's upstreams, in which a text stands for the repository of that name. Invalid.
func (h *handlers) upstreamListOf(raw json.RawMessage) ([]upstreams.NewUpstream, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, wire.Invalid("upstreams must be a list of objects, or of names of repositories")
	}
	out := make([]upstreams.NewUpstream, len(items))
	for i, item := range items {
		var name string
		if json.Unmarshal(item, &name) == nil {
			out[i] = upstreams.NewUpstream{Type: upstreams.TypeRepository, Repository: name}
			continue
		}
		var fields map[string]json.RawMessage
		err := wire.DecodeObject(item, &fields)
		if err == nil {
			out[i], err = h.newUpstreamOf(fields)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// addUpstream answers POST …/upstreams: 201 with the upstream.
func (h *handlers) addUpstream(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository := in.segment("repository")
	var fields map[string]json.RawMessage
	in.body(&fields)
	n := read(in, func() (upstreams.NewUpstream, error) { return h.newUpstreamOf(fields) })
	if in.err != nil {
		return in.err
	}
	u, err := h.svc.Upstreams.Add(r.Context(), repository, n)
	if err == nil {
		h.location(w, r, "repositories/"+repository+"/upstreams", u.Name)
	}
	return writeOne(w, http.StatusCreated, u, err, h.upstreamOf(r.Context(), repository))
}

// orderUpstreams answers PUT …/upstreams/order {"upstreams"}: 200 with all of them.
func (h *handlers) orderUpstreams(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository := in.segment("repository")
	var body api.UpstreamOrder
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	if err := h.svc.Upstreams.Order(r.Context(), repository, body.Upstreams); err != nil {
		return err
	}
	return h.writeUpstreams(w, r, repository)
}

// getUpstream answers GET …/upstreams/{name}.
func (h *handlers) getUpstream(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository, name := in.segment("repository"), in.segment("name")
	if in.err != nil {
		return in.err
	}
	u, err := h.svc.Upstreams.Get(r.Context(), repository, name)
	return writeOne(w, http.StatusOK, u, err, h.upstreamOf(r.Context(), repository))
}

// changeUpstream answers PATCH …/upstreams/{name}: 200 with the upstream. A name can't change.
func (h *handlers) changeUpstream(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository, name := in.segment("repository"), in.segment("name")
	var fields map[string]json.RawMessage
	in.body(&fields)
	var named, url string
	for field, to := range map[string]*string{"name": &named, "url": &url} {
		if value, ok := fields[field]; ok && in.err == nil && json.Unmarshal(value, to) != nil {
			in.err = wire.Invalid("the field %q of an upstream must be a text", field)
		}
		delete(fields, field)
	}
	if named != "" {
		in.unchanged(named, name, "an upstream")
	}
	if in.err != nil {
		return in.err
	}
	u, err := h.svc.Upstreams.Move(r.Context(), repository, name, url, func(now upstreams.Settings) (upstreams.Settings, error) { return h.settingsOf(now, fields) })
	return writeOne(w, http.StatusOK, u, err, h.upstreamOf(r.Context(), repository))
}

// removeUpstream answers DELETE …/upstreams/{name}: 204.
func (h *handlers) removeUpstream(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository, name := in.segment("repository"), in.segment("name")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Upstreams.Remove(r.Context(), repository, name))
}

// checkUpstream answers POST …/upstreams/{name}/check?package=: 200 with the steps, also where one failed.
func (h *handlers) checkUpstream(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository, name, pkg := in.segment("repository"), in.segment("name"), in.text("package")
	if in.err != nil {
		return in.err
	}
	steps, err := h.svc.Upstreams.Check(r.Context(), repository, name, pkg)
	return writeOne(w, http.StatusOK, steps, err, func(steps []upstreams.Step) api.UpstreamCheck {
		out := api.UpstreamCheck{OK: true, Steps: make([]api.UpstreamCheckStep, len(steps))}
		for i, s := range steps {
			out.OK = out.OK && !s.Failed
			out.Steps[i] = api.UpstreamCheckStep{Step: s.Name, OK: !s.Failed, Milliseconds: float64(s.Took.Microseconds()) / 1000, Detail: s.Text}
		}
		return out
	})
}

// refresh answers POST /repositories/{repository}/refresh?format=&package=: 202 with counts.
func (h *handlers) refresh(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := registry.Name{Repository: in.segment("repository"), Format: in.text("format")}
	pkg := in.text("package")
	if in.err == nil && pkg != "" && at.Format == "" {
		in.err = wire.Invalid("package needs a format")
	}
	if at.Format != "" && pkg != "" {
		at = read(in, func() (registry.Name, error) { return h.svc.Core.Rules.NameOf(at.Repository, at.Format, pkg) })
	}
	if in.err != nil {
		return in.err
	}
	out, err := h.svc.Upstreams.Refresh(r.Context(), at)
	return writeOne(w, http.StatusAccepted, out, err, func(out upstreams.Refreshed) api.Refreshed { return api.Refreshed(out) })
}
