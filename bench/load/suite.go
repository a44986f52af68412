package load

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Sizes of a suite.
type Sizes struct {
	Repository string
	Names      string // prefix of all names: lower-case letters and digits
	Versions   int    // of each package that is read
	Packages   int    // that publishes of one format are spread over
	SmallBytes int    // of a tarball, wheel, jar or file
	LayerBytes int
}

// task is a unit with the preparation that it needs.
type task struct {
	Unit
	weight  int // in the mix by default
	prepare func(ctx context.Context, w *Worker) error
}

// Suite holds all units.
type Suite struct{ tasks []task }

// NewSuite makes the units of all protocols. The weights are those of a team's registry: many reads, some publishes.
func NewSuite(s Sizes) *Suite {
	npm := Npm{s.Repository, s.Names + "-npm", s.Packages, s.SmallBytes, s.Versions}
	oci := OCI{s.Repository, s.Names, 3, s.LayerBytes, s.Versions, false}
	docker := oci
	docker.Chunked = true
	pypi := PyPI{s.Repository, s.Names + "pypi", s.Packages, s.SmallBytes, s.Versions}
	maven := Maven{s.Repository, "com.example." + s.Names, "lib", s.Packages, s.SmallBytes, s.Versions}
	raw := Raw{s.Repository, s.Names + "-raw", int64(s.SmallBytes)}
	return &Suite{[]task{
		{Unit{"npm.publish", npm.Publish}, 4, nil},
		{Unit{"npm.packument", npm.Packument}, 30, npm.Prepare},
		{Unit{"npm.tarball", npm.Tarball}, 15, npm.Prepare},
		{Unit{"oci.push", oci.Push}, 1, nil},
		{Unit{"oci.push_chunked", docker.Push}, 1, nil},
		{Unit{"oci.manifest", oci.Manifest}, 10, oci.Prepare},
		{Unit{"pypi.upload", pypi.Upload}, 2, nil},
		{Unit{"pypi.simple", pypi.Simple}, 15, pypi.Prepare},
		{Unit{"maven.deploy", maven.Deploy}, 2, nil},
		{Unit{"maven.metadata", maven.Metadata}, 10, maven.Prepare},
		{Unit{"raw.put", raw.Put}, 3, nil},
		{Unit{"raw.get", raw.Get}, 5, raw.Prepare},
		{Unit{"tag.set", npm.Tag}, 2, npm.PrepareTag},
	}}
}

// Units are the names of the units, in the order of reports.
func (s *Suite) Units() []string {
	names := make([]string, len(s.tasks))
	for i, t := range s.tasks {
		names[i] = t.Name
	}
	return names
}

// maxWeight bounds the weight of a unit.
const maxWeight = 1_000_000

// Mix is the units that are run, with the name of each and its weight: "npm.publish=1,npm.packument=9"; a protocol alone,
// "npm", is all of its units as they are weighted by default. "" is all units by their default weights.
func (s *Suite) Mix(text string) (*Mix, error) {
	m := &Mix{}
	if text == "" {
		m.tasks = s.tasks
		return m, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, weighted := strings.Cut(strings.TrimSpace(part), "=")
		weight := 0
		if weighted {
			var err error
			if weight, err = strconv.Atoi(value); err != nil || weight < 1 || weight > maxWeight {
				return nil, fmt.Errorf("the weight in %q is not a number from 1 to %d", part, maxWeight)
			}
		}
		found := false
		for _, t := range s.tasks {
			protocol, _, _ := strings.Cut(t.Name, ".")
			if t.Name != name && protocol != name {
				continue
			}
			if slices.ContainsFunc(m.tasks, func(o task) bool { return o.Name == t.Name }) {
				return nil, fmt.Errorf("%s is named twice", t.Name)
			}
			if found = true; weighted {
				t.weight = weight
			}
			m.tasks = append(m.tasks, t)
		}
		if !found {
			return nil, fmt.Errorf("there is no unit %q; there are %s", name, strings.Join(s.Units(), ", "))
		}
	}
	return m, nil
}

// Mix is some units of a suite.
type Mix struct{ tasks []task }

// Shares are the units with their weights.
func (m *Mix) Shares() []Share {
	out := make([]Share, len(m.tasks))
	for i, t := range m.tasks {
		out[i] = Share{t.Unit, t.weight}
	}
	return out
}

// Prepare publishes the packages that the reads of the mix need.
func (d *Driver) Prepare(ctx context.Context, m *Mix) error {
	w := d.Worker()
	defer w.Close()
	done := map[string]bool{}
	for _, t := range m.tasks {
		protocol, _, _ := strings.Cut(t.Name, ".")
		if t.prepare == nil || done[protocol] {
			continue
		}
		if err := t.prepare(ctx, w); err != nil {
			return fmt.Errorf("prepare %s: %w", t.Name, err)
		}
		done[protocol] = true
	}
	return nil
}
