package ui

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/formats/setup"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// Bounds of a version's page.
const (
	maxFiles       = 200
	maxDeployments = 50
	maxRan         = 10 // versions that a name with a star finds
)

func (u *Pages) versionPages() []page {
	return []page{{path: versionRoute, name: "web.version", show: u.version, past: true}}
}

// versionView has the values of a version's page.
type versionView struct {
	*frame
	At          client.Package
	Version     api.Version
	Files       []fileItem
	More        int64 // files that are not listed
	Install     []setup.Client
	Commit      string       // address of the commit; "": not known
	BuildLink   string       // address of the build; "": not one that a browser can open
	Ran         []api.RunsIn // at the past moment that is shown
	Facts       []factItem
	Conflicts   []conflictView
	Deployments []api.Deployment
	Said        *describedView
	Evidence    []evidenceItem
	MoreToTell  bool // there is more evidence
	Proof       *proofView
	Gone        *api.Deletion
	Readme      *readmeView
	Manage      string // address of the page with the forms that change it; "": the visitor may not
	Audit       bool   // the visitor may see who downloaded it
}

// fileItem is a file of a version.
type fileItem struct {
	api.File
	Link string // of its bytes
}

// version answers GET /r/{repository}/{format}/{package}/v/{version}. A deleted version is shown with 410.
func (u *Pages) version(w http.ResponseWriter, r *http.Request) error {
	at, err := packageAt(r)
	if err != nil {
		return err
	}
	name, err := wire.Segment(r, "version")
	if err != nil {
		return err
	}
	f := frameOf(r)
	v := versionView{frame: f, At: at}
	if v.Version, err = u.api.VersionAt(r.Context(), at, name, f.AsOf); err != nil {
		return err
	}
	f.crumb(at.Repository, repositoryPath(at.Repository))
	f.crumb(at.Name, packagePath(at.Repository, at.Format, at.Name))
	segments := []string{"repositories", at.Repository, "packages", at.Format, at.Name, "versions", v.Version.Version}
	f.about(at.Name+" "+v.Version.Version, segments...)
	for _, file := range v.Version.Files[:min(len(v.Version.Files), maxFiles)] {
		v.Files = append(v.Files, fileItem{file, f.Base + api.Prefix + joined(append(segments, "files", file.Path))})
	}
	v.More = int64(len(v.Version.Files) - len(v.Files))
	if s := v.Version.Release.Source; s != nil {
		v.Commit = commitLink(s.Repository, s.Commit)
	}
	if b := v.Version.Release.Build; b != nil {
		v.BuildLink = webLink(b.URL)
	}
	v.Facts, v.Conflicts = factItems(v.Version)
	if f.AsOf == "" { // reports have their present status
		v.Deployments, err = u.deployed(r, at, v.Version.PURL)
	} else {
		v.Ran, err = u.ran(r, at, v.Version.Version)
	}
	if err != nil {
		return err
	}
	v.Audit = mayAudit(r, at.Repository)
	if f.AsOf == "" && versionRightsOf(r, at.Repository).Any() {
		v.Manage = f.Link(managePath(at.Repository, at.Format, at.Name, v.Version.Version))
	}
	if v.Version.State == string(registry.Deleted) {
		return u.deletedVersion(w, r, v)
	}
	if err := u.tell(r, &v); err != nil {
		return err
	}
	v.Install = u.install(f.Base, at, v.Version.Version, v.Version.Tags, v.Version.Files)
	return write(w, r, http.StatusOK, "version", v)
}

// Pictured reports whether the page shows what an image consists of.
func (v versionView) Pictured() bool { return v.Said != nil && v.Said.Image != nil }

// tell fills in what a version that is there says of itself, and how it is proved.
func (u *Pages) tell(r *http.Request, v *versionView) (err error) {
	if v.Said, err = u.describe(r, v.At, v.Version, v.Files); err != nil {
		return err
	}
	if v.Evidence, v.MoreToTell, err = u.evidence(r, v.At, v.Version, v.Files); err != nil {
		return err
	}
	if v.Proof, err = u.proof(r, v.Version); err != nil {
		return err
	}
	v.Readme, err = u.readme(r, v.At, v.Version.Version)
	return err
}

// deletedVersion shows the tombstone of a version: who deleted it, when and why.
func (u *Pages) deletedVersion(w http.ResponseWriter, r *http.Request, v versionView) (err error) {
	var seq []int64
	if v.Gone, err = u.deletion(u.api.VersionDeletion(r.Context(), v.At, v.Version.Version)); err != nil {
		return err
	}
	if v.Gone != nil {
		seq = append(seq, v.Gone.Seq)
	}
	if v.Proof, err = u.proof(r, v.Version, seq...); err != nil {
		return err
	}
	return write(w, r, http.StatusGone, "version", v)
}

// deployed are the deployments of a version, the newest first.
func (u *Pages) deployed(r *http.Request, at client.Package, purl string) (out []api.Deployment, err error) {
	page := client.Page{Limit: maxDeployments}
	for d, err := range u.api.Deployments(client.OnePage(r.Context(), &page), client.DeploymentFilter{Repository: at.Repository, PURL: purl}) {
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// install are the commands by which clients take a version.
func (u *Pages) install(base string, at client.Package, version string, tags []string, files []api.File) []setup.Client {
	rel := setup.Release{Address: setup.AddressOf(base, at.Repository), Package: at.Name, Version: version}
	if len(tags) > 0 {
		rel.Tag = tags[0]
	}
	for _, file := range files[:min(len(files), maxInstalled)] {
		rel.Files = append(rel.Files, file.Path)
	}
	return u.guide.Install(at.Format, rel)
}

const maxInstalled = 10 // files with a command of their own

// ran tells where a version ran at the moment that the page shows.
func (u *Pages) ran(r *http.Request, at client.Package, version string) ([]api.RunsIn, error) {
	filter := client.VersionFilter{Query: fmt.Sprintf("version:%q", version), AsOf: frameOf(r).AsOf, Overview: true, Attached: true, Deleted: true}
	for v, err := range u.api.Versions(client.OnePage(r.Context(), &client.Page{Limit: maxRan}), at, filter) {
		if err != nil {
			return nil, err
		}
		if v.Version == version && v.Overview != nil { // a star in the query means any text
			return v.Overview.Runs, nil
		}
	}
	return nil, nil
}

// weightOf says how well a fact is known.
func weightOf(rank int) string {
	switch rank {
	case registry.RankObserved:
		return "seen by the server"
	case registry.RankTrusted:
		return "signed by an identity that is trusted here"
	case registry.RankSigned:
		return "signed by an unknown identity"
	default:
		return "declared"
	}
}

// commitLink is the page of a commit where the source's repository has one at the address that GitHub, GitLab and Gitea use; "" for an address
// that a browser can't open.
func commitLink(repository, commit string) string {
	address := strings.TrimSuffix(strings.TrimPrefix(repository, "git+"), ".git")
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || commit == "" {
		return ""
	}
	u.RawQuery, u.Fragment = "", ""
	return strings.TrimSuffix(u.String(), "/") + "/commit/" + url.PathEscape(commit)
}
