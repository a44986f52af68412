package api

import (
	"net/http"

	"slipway/formats"
	"slipway/registry"
	"slipway/web/internal/wire"
)

type environmentJSON struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Tag         string `json:"tag"` // says what is wanted here; may be empty
	CreatedAt   string `json:"created_at"`
	UpdatedAt   string `json:"updated_at"`
}

func environmentOf(e registry.Environment) environmentJSON {
	return environmentJSON{Name: e.Name, Description: e.Description, Tag: e.Tag, CreatedAt: timeText(e.CreatedAt), UpdatedAt: timeText(e.UpdatedAt)}
}

// environmentStateJSON is an environment with what is wanted, recorded and running, as of a log entry.
type environmentStateJSON struct {
	environmentJSON
	Seq      int64              `json:"seq"` // last log entry that counts
	Services []serviceStateJSON `json:"services"`
}

// serviceStateJSON is one service; what does not apply is absent. Drift: something else runs than is wanted.
type serviceStateJSON struct {
	Service  string        `json:"service"`
	Wanted   *wantedJSON   `json:"wanted,omitempty"`
	Recorded *recordedJSON `json:"recorded,omitempty"`
	Running  *runningJSON  `json:"running,omitempty"`
	Drift    bool          `json:"drift"`
}

// wantedJSON is what the environment's tag of the deployed package points to.
type wantedJSON struct {
	Tag     string `json:"tag"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
	Digest  string `json:"digest,omitempty"`
	Since   string `json:"since"`
	Seq     int64  `json:"seq"` // log entry that set the tag
}

// recordedJSON is the last report about a service.
type recordedJSON struct {
	deployedJSON
	Status string `json:"status"`
	At     string `json:"at"`
	By     string `json:"by"`
	Seq    int64  `json:"seq"` // log entry of the report
}

// runningJSON is what a service runs: the last deployment that succeeded and was not rolled back.
type runningJSON struct {
	deployedJSON
	Since string `json:"since"`
	Seq   int64  `json:"seq"` // log entry that began it
}

// runJSON is an interval in which a service ran something; until is absent while it runs.
type runJSON struct {
	Service string `json:"service"`
	deployedJSON
	Since    string  `json:"since"`
	Until    *string `json:"until,omitempty"`
	Seq      int64   `json:"seq"`
	UntilSeq *int64  `json:"until_seq,omitempty"` // log entry that ended it
}

func serviceStateOf(s registry.ServiceState) serviceStateJSON {
	out := serviceStateJSON{Service: s.Service, Drift: s.Drift()}
	if w := s.Wanted; w != nil {
		out.Wanted = &wantedJSON{Tag: w.Tag.Name, Version: w.Tag.Version, PURL: w.PURL, Digest: w.Tag.Digest.String(),
			Since: timeText(w.Tag.SetAt), Seq: w.Tag.SeqFrom}
	}
	if d := s.Recorded; d != nil {
		out.Recorded = &recordedJSON{deployedOf(*d), string(d.Status), timeText(d.UpdatedAt), d.UpdatedBy, d.LastSeq}
	}
	if r := s.Running; r != nil {
		out.Running = &runningJSON{deployedOf(r.Deployment), timeText(r.Since), r.SeqFrom}
	}
	return out
}

func runOf(r registry.Run) runJSON {
	out := runJSON{Service: r.Deployment.Service, deployedJSON: deployedOf(r.Deployment), Since: timeText(r.Since),
		Until: timeOrNull(r.Until), Seq: r.SeqFrom}
	if out.Until != nil {
		out.UntilSeq = &r.SeqTo
	}
	return out
}

// environmentChange is the body of POST and PATCH. Absent fields keep what is there.
type environmentChange struct {
	Name        string  `json:"name"`
	Description *string `json:"description"`
	Tag         *string `json:"tag"`
}

// listEnvironments answers GET /environments.
func (h *handlers) listEnvironments(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Environment, error) { return h.svc.Environments(r.Context(), p) },
		func(e registry.Environment) string { return e.Name }, environmentOf)
}

// createEnvironment answers POST /environments {"name","description","tag"}: 201 with the environment.
func (h *handlers) createEnvironment(w http.ResponseWriter, r *http.Request) error {
	var body environmentChange
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	e, err := h.svc.CreateEnvironment(r.Context(), body.Name, registry.EnvironmentChange{Description: body.Description, Tag: body.Tag})
	if err != nil {
		return err
	}
	h.location(w, r, "environments", e.Name)
	return formats.JSON(w, http.StatusCreated, environmentOf(e))
}

// getEnvironment answers GET /environments/{environment}?as_of=: what is wanted, recorded and running, now or then.
func (h *handlers) getEnvironment(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name, when := in.segment("environment"), in.asOf()
	if in.err != nil {
		return in.err
	}
	st, err := h.svc.EnvironmentAt(r.Context(), name, when)
	if err != nil {
		return err
	}
	out := environmentStateJSON{environmentJSON: environmentOf(st.Environment), Seq: st.Seq, Services: make([]serviceStateJSON, len(st.Services))}
	for i, s := range st.Services {
		out.Services[i] = serviceStateOf(s)
	}
	return formats.JSON(w, http.StatusOK, out)
}

// changeEnvironment answers PATCH /environments/{environment}: 200 with the environment. A name can't change.
func (h *handlers) changeEnvironment(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("environment")
	var body environmentChange
	in.body(&body)
	in.unchanged(body.Name, name, "an environment")
	if in.err != nil {
		return in.err
	}
	e, err := h.svc.UpdateEnvironment(r.Context(), name, registry.EnvironmentChange{Description: body.Description, Tag: body.Tag})
	return writeOne(w, http.StatusOK, e, err, environmentOf)
}

// deleteEnvironment answers DELETE /environments/{environment}: 204. Nothing runs there any more; its past stays.
func (h *handlers) deleteEnvironment(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("environment")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.DeleteEnvironment(r.Context(), name))
}

// stopService answers DELETE /environments/{environment}/services/{service}: 204. The service runs nothing any more; its
// past stays.
func (h *handlers) stopService(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name, service := in.segment("environment"), in.segment("service")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.StopService(r.Context(), name, service))
}

// environmentHistory answers GET /environments/{environment}/history?service=: what ran there, the newest first.
func (h *handlers) environmentHistory(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name, page := in.segment("environment"), in.numbered()
	rq := registry.RunQuery{Service: in.text("service")}
	if in.err != nil {
		return in.err
	}
	if page.After != "" && wire.AfterNumber(page) <= 0 {
		return wire.Invalid("after must be a cursor of this list")
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Run, error) {
		rq.Before, rq.Limit = wire.AfterNumber(p), p.Limit
		return h.svc.Runs(r.Context(), name, rq)
	}, func(r registry.Run) string { return numberText(r.SeqFrom) }, runOf)
}
