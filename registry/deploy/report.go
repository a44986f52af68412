package deploy

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Report is a deploy system's report of a deployment. PURL, Digest (of a manifest, or the sha256 of a file) or both name the
// version.
type Report struct {
	Environment string
	Service     string
	Repository  string
	PURL        string
	Digest      digest.Digest
	Status      registry.DeploymentStatus
	Reason      string // of the status: why the deployment failed
	ExternalID  string // the reporter's own id: a later report with it is about the same deployment
	EventID     string // of the event that caused the deployment
	URL         string // a page about the deployment, for people
}

func (r Report) check() error {
	if err := checkService(r.Service); err != nil {
		return err
	}
	if r.PURL == "" && r.Digest == "" {
		return registry.Errorf(registry.Invalid, registry.AboutDeployment, "name the version by its purl or by its digest")
	}
	if r.Digest != "" && r.Digest.Validate() != nil {
		return registry.Errorf(registry.Invalid, registry.AboutDeployment, "%q is not a digest such as sha256:<64 hex digits>", registry.Clip(r.Digest.String()))
	}
	for what, s := range map[string]string{"external_id": r.ExternalID, "event_id": r.EventID} {
		if len(s) > maxExternalIDBytes || !registry.IsLine(s) {
			return registry.Errorf(registry.Invalid, registry.AboutDeployment, "%s is text of at most %d bytes without control characters", what, maxExternalIDBytes)
		}
	}
	if err := checkReason(r.Reason); err != nil {
		return err
	}
	return checkURL(r.URL)
}

// checkReason refuses a reason that does not fit on a line.
func checkReason(s string) error {
	if len(s) > registry.MaxFactBytes || !registry.IsLine(s) {
		return registry.Errorf(registry.Invalid, registry.AboutDeployment, "reason is one line of text, of at most %d bytes without control characters", registry.MaxFactBytes)
	}
	return nil
}

// checkURL refuses a URL that a browser can't open or that contains a password.
func checkURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > maxURLBytes || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return registry.Errorf(registry.Invalid, registry.AboutDeployment, "url is an http or https address without a password in it, of at most %d bytes", maxURLBytes)
	}
	return nil
}

// ReportDeployment records a deployment, or the next status of one that is known by its ExternalID; created tells which. The
// same report again changes nothing. A missing environment is made. The caller needs the right to deploy in the repository, and
// the environment's consent. NotFound: there is no such version; Conflict: the digest names several versions, or the reported status can't follow the
// deployment's status.
func (s *Records) ReportDeployment(ctx context.Context, r Report) (d registry.Deployment, created bool, err error) {
	actor, err := s.core.Authorize(ctx, access.Deploy, r.Repository)
	if err != nil {
		return d, false, err
	}
	if err := r.check(); err != nil {
		return d, false, err
	}
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		repo, err := tx.Repositories().Repository(r.Repository)
		if err != nil {
			return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(r.Repository))
		}
		c := &deploying{tx: tx, actor: actor}
		d, created = registry.Deployment{}, false
		env, err := tx.Environments().Environment(r.Environment)
		if err == nil && !env.Deleted {
			if err := consents(actor, env); err != nil {
				return err
			}
		}
		if err == nil {
			d, err = tx.Deployments().DeploymentByExternalID(env.ID, r.Service, r.ExternalID)
		}
		if err != nil && !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
		if created = err != nil; !created {
			if err := s.sameDeployment(tx, repo, d, r); err != nil || d.Status == r.Status {
				return err
			}
		}
		if env.ID == 0 || env.Deleted {
			if env, err = makeEnvironment(tx, actor, r.Environment, EnvironmentChange{}); err != nil {
				return err
			}
		}
		if created {
			if d, err = s.newDeployment(tx, actor, repo, env, r); err != nil {
				return err
			}
		}
		if err := s.mayReplace(ctx, tx, env, d); err != nil {
			return err
		}
		d, err = c.report(d, DeploymentChange{Status: r.Status, Reason: r.Reason, EventID: r.EventID, URL: r.URL})
		return err
	})
	return d, created && err == nil, err
}

// sameDeployment checks that a report with the id of a known deployment names the same version.
func (s *Records) sameDeployment(tx metadata.Tx, repo registry.Repository, d registry.Deployment, r Report) error {
	if d.RepositoryID == repo.ID && (r.PURL == "" || r.PURL == d.PURL) && (r.Digest == "" || r.Digest == d.Digest) {
		return nil
	}
	_, v, err := s.deployable(tx, repo, r)
	if err != nil && registry.KindOf(err) != registry.NotFound {
		return err
	}
	if err != nil || v.ID != d.VersionID {
		return registry.Errorf(registry.Conflict, registry.AboutDeployment, "the external id %q of service %q belongs to a deployment of another version", registry.Clip(r.ExternalID), d.Service)
	}
	return nil
}

// newDeployment makes the row of a deployment for its first report.
func (s *Records) newDeployment(tx metadata.Tx, actor access.Actor, repo registry.Repository, env registry.Environment, r Report) (registry.Deployment, error) {
	pkg, v, err := s.deployable(tx, repo, r)
	if err != nil {
		return registry.Deployment{}, err
	}
	if err := roomFor(tx, actor, env, r.Service); err != nil {
		return registry.Deployment{}, err
	}
	if err := registry.Identify(tx, &v); err != nil {
		return registry.Deployment{}, err
	}
	d := registry.Deployment{
		EnvironmentID: env.ID, Environment: env.Name, Service: r.Service, ExternalID: r.ExternalID,
		RepositoryID: repo.ID, Repository: repo.Name, PackageID: pkg.ID, Format: pkg.Format, Package: pkg.Name,
		VersionID: v.ID, Version: v.Name, PURL: v.PURL, Digest: v.Digest, UpdatedBy: actor.Text(), ReporterID: actor.UserID,
	}
	if r.Digest != "" {
		d.Digest = r.Digest
	}
	return tx.Deployments().CreateDeployment(d)
}

// deployable finds the version that a report names. NotFound, Conflict, Invalid.
func (s *Records) deployable(tx metadata.Tx, repo registry.Repository, r Report) (registry.Package, registry.Version, error) {
	hits, err := s.named(tx, repo, r)
	if err != nil {
		return registry.Package{}, registry.Version{}, err
	}
	what := cmp.Or(r.PURL, r.Digest.String())
	switch len(hits) {
	case 0:
		return registry.Package{}, registry.Version{}, registry.Errorf(registry.NotFound, registry.AboutVersion, "there is no version %s in repository %q", registry.Clip(what), repo.Name)
	case 1:
	default:
		var purls []string
		for _, v := range hits[:min(len(hits), maxCandidates)] {
			purls = append(purls, v.PURL)
		}
		return registry.Package{}, registry.Version{}, registry.Errorf(registry.Conflict, registry.AboutVersion, "%s names several versions in repository %q; name one by its purl: %s",
			registry.Clip(what), repo.Name, strings.Join(purls, ", "))
	}
	v := hits[0]
	if v.State == registry.Deleted {
		return registry.Package{}, registry.Version{}, registry.Errorf(registry.NotFound, registry.AboutVersion, "version %s in repository %q was deleted", v.PURL, repo.Name)
	}
	pkg, err := tx.Packages().PackageByID(v.PackageID)
	return pkg, v, err
}

// named returns the versions that match a report.
func (s *Records) named(tx metadata.Tx, repo registry.Repository, r Report) ([]registry.Version, error) {
	if r.PURL == "" {
		return s.withDigest(tx.Searches(), repo, r.Digest)
	}
	p, err := registry.ParsePURL(r.PURL)
	if err != nil {
		return nil, err
	}
	if p.Version == "" && r.Digest == "" {
		return nil, registry.Errorf(registry.Invalid, registry.AboutDeployment, "the purl has no version: give it one, or a digest")
	}
	pkgs, err := s.core.Rules.PackagesOf(tx, repo, p)
	if err != nil {
		return nil, err
	}
	var found []registry.Version
	if r.Digest != "" {
		if found, err = s.withDigest(tx.Searches(), repo, r.Digest); err != nil {
			return nil, err
		}
	}
	var out []registry.Version
	for _, pkg := range pkgs {
		var v registry.Version
		if p.Version != "" {
			if v, err = s.core.Rules.FindCanonical(tx.Versions(), pkg, p.Version); errors.Is(err, metadata.ErrNotExist) {
				continue
			} else if err != nil {
				return nil, err
			}
			if r.Digest == "" {
				out = append(out, v)
			}
		}
		for _, f := range found {
			if f.PackageID == pkg.ID && (p.Version == "" || f.ID == v.ID) {
				out = append(out, f)
			}
		}
	}
	return out, nil
}

// withDigest returns the versions of a repository with a digest: those whose own digest it is, else those with a file of that
// digest.
func (s *Records) withDigest(searches metadata.Searches, repo registry.Repository, d digest.Digest) ([]registry.Version, error) {
	hits, err := searches.Search(metadata.Search{Repositories: []int64{repo.ID}, Limit: registry.MaxPage,
		Where: metadata.Condition{Is: &metadata.Test{Field: metadata.FieldDigest, Value: d.Encoded()}}})
	if err != nil {
		return nil, err
	}
	var whole, part []registry.Version
	for _, h := range hits {
		if h.Version.Digest == d {
			whole = append(whole, h.Version)
		} else {
			part = append(part, h.Version)
		}
	}
	if len(whole) > 0 {
		return whole, nil
	}
	return part, nil
}

// mayReplace refuses a report about a service whose run, or last report, is of a version from a repository where the caller
// may not deploy: a right in one repository must not end runs of another repository's versions. The owner of the environment may.
func (s *Records) mayReplace(ctx context.Context, tx metadata.Tx, env registry.Environment, d registry.Deployment) error {
	if mayGovern(access.From(ctx), env) {
		return nil
	}
	var others []registry.Deployment
	running, err := tx.Runs().Running(d.EnvironmentID, d.Service)
	switch {
	case err == nil:
		others = append(others, running.Deployment)
	case !errors.Is(err, metadata.ErrNotExist):
		return err
	}
	last, err := tx.Deployments().Deployments(metadata.DeploymentQuery{EnvironmentID: d.EnvironmentID, Service: d.Service, Limit: 2})
	if err != nil {
		return err
	}
	for _, other := range append(others, last...) {
		if other.RepositoryID == d.RepositoryID {
			continue
		}
		repo, err := tx.Repositories().Repository(other.Repository)
		if errors.Is(err, metadata.ErrNotExist) || err == nil && repo.ID != other.RepositoryID {
			continue // the repository is deleted, so no right protects the run
		}
		if err != nil {
			return err
		}
		if access.Decide(access.From(ctx), access.Deploy, other.Repository) != access.Allow {
			return registry.Errorf(registry.Denied, registry.AboutService, "service %q of environment %q belongs to a repository where you may not deploy", d.Service, d.Environment)
		}
	}
	return nil
}
