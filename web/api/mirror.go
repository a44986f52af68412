package api

import (
	"net/http"
	"reflect"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/registry/mirror"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

const (
	jobPath    = "/jobs/{id}"
	bundleType = "application/octet-stream"
)

// maxListBytes bounds a list of what is to be fetched.
const maxListBytes = 16 << 20

// mirrorRoutes are the endpoints of what is fetched ahead of time.
func (h *handlers) mirrorRoutes() []endpoint {
	return []endpoint{
		{"POST", repositoryPath + "/prefetch", "api.prefetch", h.prefetch, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "prefetch", Group: "Mirrors", Summary: "Fetch what a list names ahead of time",
			About: "Each line of the body is a package URL with the digests of the files that are wanted. A job gets them as you would by asking for each: what is here already is not fetched again, so " +
				"a list that was cut off can be sent again. POMs lead to their parents and to what they import. Callers without credentials can't.",
			Query:   []openapi.Param{{Name: "look", About: "Fetch nothing, and tell what is here.", Of: openapi.Object{"type": "boolean"}}},
			Request: &openapi.Body{Media: wire.JSONLines, Struct: reflect.TypeFor[api.PrefetchItem](), Required: []string{"purl"}, Example: `{"purl":"pkg:npm/%40acme/web@1.4.2"}`},
			Answers: accepted("The job.", jobExample, locationOf), Errors: []int{http.StatusRequestEntityTooLarge}}},
		{"POST", repositoryPath + "/export", "api.export", h.export, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "exportRepository", Group: "Mirrors", Summary: "Write a bundle of what is here",
			About: "A tar archive with versions, files, facts and the proofs that the log has them, signed with the log's key. The body names the only versions that it has, as that of `prefetch`; without " +
				"one it has everything that is here of the repository, and of those that it answers from, as far as you may read them. A bundle that is cut off has no end. Callers without credentials can't.",
			Query:   []openapi.Param{{Name: "since", About: "Only versions of which something entered the log after this entry.", Of: openapi.Object{"type": "integer", "format": "int64", "minimum": 0}}},
			Request: &openapi.Body{Media: wire.JSONLines, Struct: reflect.TypeFor[api.PrefetchItem](), Required: []string{"purl"}, Example: `{"purl":"pkg:npm/%40acme/web@1.4.2"}`, Optional: true},
			Answers: []openapi.Answer{{Status: http.StatusOK, About: "The bundle.", Content: []openapi.Content{{Media: bundleType, Of: openapi.Object{"type": "string", "format": "binary"}}}}}}},
		{"POST", repositoryPath + "/import", "api.import", h.importBundle, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "importBundle", Group: "Mirrors", Summary: "Take a bundle in",
			About: "Every version is made whole or not at all, once its files are stored and verified. The body may leave out contents that the repository has or that an earlier try has left: " +
				"what is not there is `missing`, and is sent with the next try.",
			Query:   []openapi.Param{{Name: "trust", About: "The key of the log that must have signed it, as `GET /log/key` answers there.", Required: true}},
			Request: &openapi.Body{Media: bundleType, Of: openapi.Object{"type": "string", "format": "binary"}},
			Answers: success("What became of it.", importExample)}},
		{"GET", "/jobs", "api.jobs.list", h.listJobs, openapi.Operation{
			Rights: anyCaller, ID: "listJobs", Group: "Mirrors", Summary: "List the jobs",
			About:   "Yours, and those of repositories that you administer; for auditors of the server all. Jobs are forgotten when the server starts.",
			Answers: success("The jobs, the newest first.", api.List[api.Job]{Items: []api.Job{jobExample}})}},
		{"GET", jobPath, "api.jobs.get", h.getJob, openapi.Operation{
			Rights: onOwnOrAdministered, ID: "getJob", Group: "Mirrors", Summary: "Show a job",
			About: "Jobs are forgotten when the server starts.", Answers: success("The job.", jobExample)}},
		{"GET", jobPath + "/items", "api.jobs.items", h.listJobItems, openapi.Operation{
			Rights: onOwnOrAdministered, ID: "listJobItems", Group: "Mirrors", Summary: "List what became of the items of a job",
			Query:   paged(openapi.Param{Name: "state", About: "Only those of this state.", Of: openapi.Object{"type": "string", "enum": itemStates}}),
			Answers: success("The items, in the order of the list.", api.List[api.JobItem]{Items: []api.JobItem{{PURL: "pkg:npm/%40acme/web@1.4.2", State: mirror.Fetched, Files: 1, Bytes: 34041}}, Next: "999"})}},
	}
}

var (
	itemStates          = []string{mirror.Waiting, mirror.Present, mirror.Fetched, mirror.Missing}
	onOwnOrAdministered = openapi.Rights{{scopeOwn: {}}, {scopeRepository: {string(access.Admin)}}, {scopeServer: {string(access.Audit)}}}
	importExample       = api.ImportReport{From: "slipway.example.com", Versions: 300, Present: 12, Missing: []string{}, Refused: []api.ImportRefusal{}}
	jobExample          = api.Job{ID: "kz3v6xq2b5hw4ylnr7tdm3aceg", Repository: "npm-mirror", By: `user "jane"`, State: mirror.Running, Items: 300, Present: 120, Fetched: 30, StartedAt: momentExample}
)

func jobOf(j mirror.Job) api.Job {
	return api.Job{ID: j.ID, Repository: j.Repository, By: j.By, Look: j.Look, State: j.State, Items: j.Items, Present: j.Present, Fetched: j.Fetched, Missing: j.Missing,
		StartedAt: timeText(j.StartedAt), EndedAt: timeOrNull(j.EndedAt)}
}

// wantsOf reads a list of package URLs.
func wantsOf(r *http.Request) ([]mirror.Want, error) {
	lines, err := wire.Lines[api.PrefetchItem](r, maxListBytes, mirror.MaxItems)
	out := make([]mirror.Want, len(lines))
	for i, l := range lines {
		out[i] = mirror.Want(l)
	}
	return out, err
}

// prefetch answers POST …/prefetch?look= with a line for each item: 202 with the job.
func (h *handlers) prefetch(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository, look := in.segment("repository"), in.flag("look")
	if in.err == nil {
		_, in.err = h.svc.Core.Authorize(r.Context(), access.Read, repository) // before a byte of the body is read
	}
	wants := h.list(in, r)
	if in.err != nil {
		return in.err
	}
	j, err := h.svc.Mirror.Prefetch(r.Context(), repository, wants, look)
	if err == nil {
		h.location(w, r, "jobs", j.ID)
	}
	return writeOne(w, http.StatusAccepted, j, err, jobOf)
}

// list reads the body, and looks at the caller again, as it may have come in slowly.
func (h *handlers) list(in *input, r *http.Request) []mirror.Want {
	wants := read(in, func() ([]mirror.Want, error) { return wantsOf(r) })
	if in.err == nil {
		in.err = h.svc.Core.Renewed(r.Context())
	}
	return wants
}

// listJobs answers GET /jobs: all of them, as there are few.
func (h *handlers) listJobs(w http.ResponseWriter, r *http.Request) error {
	jobs, err := h.svc.Mirror.Jobs(r.Context())
	if err != nil {
		return err
	}
	out := api.List[api.Job]{Items: make([]api.Job, len(jobs))}
	for i, j := range jobs {
		out.Items[i] = jobOf(j)
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// getJob answers GET /jobs/{id}.
func (h *handlers) getJob(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.segment("id")
	if in.err != nil {
		return in.err
	}
	j, err := h.svc.Mirror.Job(r.Context(), id)
	return writeOne(w, http.StatusOK, j, err, jobOf)
}

// listJobItems answers GET /jobs/{id}/items?state=.
func (h *handlers) listJobItems(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id, state, page := in.segment("id"), in.text("state"), in.numbered()
	if in.err != nil {
		return in.err
	}
	items, next, err := h.svc.Mirror.Items(r.Context(), id, state, page)
	if err != nil {
		return err
	}
	out := api.List[api.JobItem]{Items: make([]api.JobItem, len(items)), Next: next}
	for i, it := range items {
		out.Items[i] = api.JobItem(it)
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// export answers POST …/export?since=: 200 with the bundle as it is written. What goes wrong after its beginning cuts the connection.
func (h *handlers) export(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository, since := in.segment("repository"), in.seq("since", -1)
	if in.err == nil {
		_, in.err = h.svc.Core.Authorize(r.Context(), access.Read, repository) // before a byte of the body is read
	}
	wants := h.list(in, r)
	if in.err != nil {
		return in.err
	}
	b, err := h.svc.Mirror.Export(r.Context(), repository, wants, since)
	if err != nil {
		return err
	}
	defer b.Close()
	w.Header().Set("Content-Type", bundleType)
	w.Header().Set("Content-Disposition", `attachment; filename="`+repository+`.tar"`)
	return b.Write(r.Context(), w)
}

// importBundle answers POST …/import?trust= with a bundle: 200 with what became of it.
func (h *handlers) importBundle(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository, trust := in.segment("repository"), in.text("trust")
	if in.err != nil {
		return in.err
	}
	done, err := h.svc.Mirror.Import(r.Context(), repository, trust, r.Body)
	return writeOne(w, http.StatusOK, done, err, func(d mirror.Imported) api.ImportReport {
		out := api.ImportReport{From: d.From, Versions: d.Versions, Present: d.Present, Missing: make([]string, len(d.Missing)), Refused: make([]api.ImportRefusal, len(d.Refused))}
		for i, m := range d.Missing {
			out.Missing[i] = m.String()
		}
		for i, refused := range d.Refused {
			out.Refused[i] = api.ImportRefusal(refused)
		}
		return out
	})
}
