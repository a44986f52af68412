package sqlstore

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"slipway/metadata"
)

// Bounds of where a search may begin. Beyond them it walks through all versions, the newest first, and soon has a page of hits.
const (
	maxCandidates = 1000 // versions, or packages
	maxInPackages = 5000 // versions of all packages among them
	maxProbes     = 16   // tests that are asked for them
)

// candidates are versions and packages: what a search finds is among them.
type candidates struct {
	versions, packages []int64
	weight             int // versions in all
}

// probe looks for the candidates of a search.
type probe struct {
	searches
	search metadata.Search
	left   int // tests that it may ask for
}

// candidates finds where a search may begin; nil: it has to walk.
func (t searches) candidates(s metadata.Search) (*candidates, error) {
	p := &probe{t, s, maxProbes}
	if c, err := p.condition(s.Where); c != nil || err != nil {
		return c, err
	}
	return p.readable(func(*searchSQL) {}) // it may be little
}

// condition returns the candidates of a condition; nil: there are too many, or they can't be told.
func (p *probe) condition(c metadata.Condition) (*candidates, error) {
	switch {
	case c.Is != nil:
		if p.left--; p.left < 0 {
			return nil, nil
		}
		return p.test(*c.Is)
	case len(c.Any) > 0:
		return p.any(c.Any)
	}
	var best *candidates
	for _, passes := range []bool{false, true} {
		for _, part := range c.All {
			if passing(part) != passes {
				continue
			}
			found, err := p.condition(part)
			if err != nil {
				return nil, err
			}
			if found != nil && (best == nil || found.weight < best.weight) {
				best = found
			}
		}
		if best != nil {
			break
		}
	}
	return best, nil
}

// any joins the candidates of alternatives. Without those of one there are none.
func (p *probe) any(list []metadata.Condition) (*candidates, error) {
	all := &candidates{}
	for _, part := range list {
		found, err := p.condition(part)
		if found == nil || err != nil {
			return nil, err
		}
		all.versions, all.packages = append(all.versions, found.versions...), append(all.packages, found.packages...)
		if all.weight += found.weight; all.weight > maxInPackages {
			return nil, nil
		}
	}
	return all, nil
}

// passing reports whether the candidates of a condition cost a pass through the names of all packages or files, in an index.
func passing(c metadata.Condition) bool {
	if c.Is != nil {
		return c.Is.Field == metadata.FieldPackage || c.Is.Field == metadata.FieldHasFile
	}
	return slices.ContainsFunc(append(slices.Clone(c.All), c.Any...), passing)
}

// test returns the candidates of a test: more than those that meet it, where that is quicker to say.
func (p *probe) test(t metadata.Test) (*candidates, error) {
	q := &searchSQL{asOf: p.search.AsOf}
	switch t.Field {
	case metadata.FieldRepository:
		return p.readable(func(q *searchSQL) {
			q.text.WriteString(` AND repository_id IN (SELECT r.id FROM repository r WHERE r.deleted_at IS NULL AND `)
			q.match(`r.name`, t)
			q.text.WriteString(`)`)
		})
	case metadata.FieldFormat:
		return p.readable(func(q *searchSQL) {
			q.text.WriteString(` AND `)
			q.match(`format`, t)
		})
	case metadata.FieldPackage:
		q.text.WriteString(`SELECT id, version_count FROM package WHERE id IN (SELECT n.id FROM package n WHERE `)
		q.packageName(`n.`, t)
		q.text.WriteString(most(q.param(maxCandidates+1)) + `)`)
		return p.packages(q)
	case metadata.FieldHasFile:
		q.text.WriteString(`SELECT id, version_count FROM package WHERE id IN (SELECT DISTINCT f.package_id FROM file f WHERE `)
		q.match(`f.path`, t)
		q.text.WriteString(most(q.param(maxCandidates+1)) + `)`)
		return p.packages(q)
	case metadata.FieldTag:
		q.text.WriteString(`SELECT g.version_id FROM tag g WHERE `)
		q.match(`g.name`, t)
		q.during(`g`)
		if exact(t) { // in the order of its index; the newest hold most often
			q.text.WriteString(` ORDER BY g.seq_from DESC`)
		}
	case metadata.FieldFact:
		q.text.WriteString(`SELECT x.version_id FROM fact x WHERE `)
		q.factValue(`x.value`, t)
	case metadata.FieldRuns:
		q.text.WriteString(`SELECT n.version_id FROM run n JOIN environment e ON e.id = n.environment_id WHERE `)
		q.match(`e.name`, t)
		q.during(`n`)
	case metadata.FieldDigest:
		return p.digest(t)
	default:
		return nil, nil
	}
	return p.versions(q)
}

// readable returns the packages that the caller may read, those of them that where is true of.
func (p *probe) readable(where func(*searchSQL)) (*candidates, error) {
	q := &searchSQL{}
	q.text.WriteString(`SELECT id, version_count FROM package WHERE repository_id IN (` + p.d.among(p.search.Repositories, q.param) + `)`)
	where(q)
	return p.packages(q)
}

// packages runs a statement that selects id and number of versions of packages.
func (p *probe) packages(q *searchSQL) (*candidates, error) {
	found := &candidates{}
	q.text.WriteString(most(q.param(maxCandidates + 1)))
	err := p.each(q.text.String(), q.args, func(r row) error {
		var id int64
		var count int
		err := r.Scan(&id, &count)
		found.packages = append(found.packages, id)
		found.weight += count
		return err
	})
	if err != nil || len(found.packages) > maxCandidates || found.weight > maxInPackages {
		return nil, err
	}
	return found, nil
}

// versions runs a statement that selects ids of versions.
func (p *probe) versions(q *searchSQL) (*candidates, error) {
	q.text.WriteString(most(q.param(maxCandidates + 1)))
	ids, err := all(p.Tx, scanInt, q.text.String(), q.args...)
	if err != nil || len(ids) > maxCandidates {
		return nil, err
	}
	return &candidates{versions: ids, weight: len(ids)}, nil
}

func (p *probe) digest(t metadata.Test) (*candidates, error) {
	raw, err := hex.DecodeString(t.Value)
	if err != nil {
		return nil, fmt.Errorf("metadata: digest %q: %w", t.Value, err)
	}
	both := &candidates{}
	for _, text := range []string{
		`SELECT f.version_id FROM blob b CROSS JOIN file f ON f.blob_id = b.id WHERE b.digest = `,
		`SELECT d.id FROM version d WHERE d.digest = `,
	} {
		q := &searchSQL{}
		q.text.WriteString(text)
		q.arg(raw)
		found, err := p.versions(q)
		if found == nil || err != nil {
			return nil, err
		}
		both.versions = append(both.versions, found.versions...)
		both.weight += found.weight
	}
	return both, nil
}

// none reports whether nothing can be found.
func (c *candidates) none() bool { return c != nil && len(c.versions)+len(c.packages) == 0 }

// among writes that a version is one of the candidates, of which there are some.
func (q *searchSQL) among(d *Dialect, c *candidates) {
	var parts []string
	if len(c.versions) > 0 {
		parts = append(parts, `v.id IN (`+d.among(c.versions, q.param)+`)`)
	}
	if len(c.packages) > 0 {
		parts = append(parts, `v.package_id IN (`+d.among(c.packages, q.param)+`)`)
	}
	q.text.WriteString(` AND (` + strings.Join(parts, ` OR `) + `)`)
}
