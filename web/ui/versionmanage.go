package ui

import (
	"errors"
	"net/http"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// annotateForm is what the form with release metadata says.
type annotateForm struct{ Repository, Commit, Ref, System, Build, URL, Custom string }

// manageView has the values of the page with the forms that change a version.
type manageView struct {
	*frame
	At       client.Package
	Version  api.Version
	Deleted  bool
	Rights   versionRights
	States   []choice
	State    string // what a refused form says
	Reason   string
	Note     annotateForm
	To, Tags string
	Names    []string // of some repositories, to promote to

	Failed string // the form that was refused
	Error  string
	Uses   []api.Use // what keeps it from being deleted
}

var versionStates = []choice{{Value: string(registry.Published), Text: "published"}, {Value: string(registry.Deprecated), Text: "deprecated: it comes with a warning"}, {Value: string(registry.Yanked), Text: "yanked: it is not chosen unless it is asked for"}}

// manage answers GET /r/{repository}/{format}/{package}/v/{version}/-/manage.
func (u *Pages) manage(w http.ResponseWriter, r *http.Request) error {
	return u.writeManage(w, r, http.StatusOK, manageView{})
}

func (u *Pages) writeManage(w http.ResponseWriter, r *http.Request, status int, v manageView) error {
	name, err := wire.Segment(r, "version")
	if err != nil {
		return err
	}
	v.frame = frameOf(r)
	if v.At, err = packageAt(r); err != nil {
		return err
	}
	if v.Version, err = u.api.Version(r.Context(), v.At, name); err != nil {
		return err
	}
	v.Deleted, v.Rights = v.Version.State == string(registry.Deleted), versionRightsOf(r, v.At.Repository)
	if v.State == "" {
		v.State = v.Version.State
	}
	v.States = chosen(versionStates, v.State)
	if there := map[string]bool{"state": v.Rights.Publish && !v.Deleted, "annotate": v.Rights.Publish && !v.Deleted, "promote": v.Rights.Promote && !v.Deleted, "delete": v.Rights.Delete && !v.Deleted,
		"restore": v.Rights.Restore && v.Deleted}; !there[v.Failed] {
		v.Failed = "" // its form is not on the page
	}
	if v.Rights.Promote && !v.Deleted {
		if v.Names, err = u.repositoryNames(r); err != nil {
			return err
		}
	}
	v.crumb(v.At.Repository, repositoryPath(v.At.Repository))
	v.crumb(v.At.Name, packagePath(v.At.Repository, v.At.Format, v.At.Name))
	v.crumb(v.Version.Version, versionPath(v.At.Repository, v.At.Format, v.At.Name, v.Version.Version))
	v.about("Change "+v.At.Name+" "+v.Version.Version, "repositories", v.At.Repository, "packages", v.At.Format, v.At.Name, "versions", v.Version.Version)
	return write(w, r, status, "manage", v)
}

// changeVersion answers POST of the same page.
func (u *Pages) changeVersion(w http.ResponseWriter, r *http.Request) error {
	name, err := wire.Segment(r, "version")
	if err != nil {
		return err
	}
	at, err := packageAt(r)
	if err != nil {
		return err
	}
	text := posted(r)
	v, to := manageView{Failed: text("do"), Reason: text("reason")}, versionPath(at.Repository, at.Format, at.Name, name)
	switch v.Failed {
	case "state":
		v.State = text("state")
		_, err = u.api.ChangeVersion(r.Context(), at, name, api.VersionChange{State: v.State, Reason: v.Reason})
	case "annotate":
		v.Note = annotateForm{Repository: text("repository"), Commit: text("commit"), Ref: text("ref"), System: text("system"), Build: text("build"), URL: text("url"), Custom: text("custom")}
		var m api.DeclaredMetadata
		if m, err = v.Note.request(); err == nil {
			err = u.api.Annotate(r.Context(), at, name, m)
		}
	case "promote":
		v.To, v.Tags = text("to"), text("tags")
		if _, err = u.api.Promote(r.Context(), at, name, api.Promotion{To: v.To, Tags: words(v.Tags)}); err == nil {
			to = versionPath(v.To, at.Format, at.Name, name)
		}
	case "delete":
		if err = u.api.DeleteVersion(r.Context(), at, name, v.Reason); err == nil {
			to = packagePath(at.Repository, at.Format, at.Name)
		}
	case "restore":
		_, err = u.api.RestoreVersion(r.Context(), at, name, v.Reason)
	default:
		v.Failed, err = "", errUnknownButton
	}
	if detail, status, ok := formRefusal(err); ok {
		v.Error = detail
		var problem *client.Error
		if errors.As(err, &problem) {
			v.Uses = problem.Uses
		}
		return u.writeManage(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, to)
}

// request is what the form declares. Invalid.
func (f annotateForm) request() (m api.DeclaredMetadata, err error) {
	if source := (api.Source{Repository: f.Repository, Commit: f.Commit, Ref: f.Ref}); source != (api.Source{}) {
		m.Source = &source
	}
	if build := (api.Build{System: f.System, ID: f.Build, URL: f.URL}); build != (api.Build{}) {
		m.Build = &build
	}
	for line := range strings.Lines(f.Custom) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return m, wire.Invalid("your own properties: write %q as KEY=VALUE", line)
		}
		if m.Custom == nil {
			m.Custom = map[string]string{}
		}
		m.Custom[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	if m.Source == nil && m.Build == nil && m.Custom == nil {
		return m, wire.Invalid("say something of its source or build first")
	}
	return m, nil
}

// Refused is why a form was refused; "": it was not.
func (v manageView) Refused(form string) string {
	if v.Failed != form {
		return ""
	}
	return v.Error
}
