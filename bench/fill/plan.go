package fill

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Plan says what a store is filled with. Running the same plan again changes nothing, and continues a fill that was
// interrupted.
type Plan struct {
	Repository string
	Seed       uint64
	Packages   int
	Versions   int // of all packages together
	Files      int // of one version, where the format has room for more than one
	Tags       int // of one package, beside those that its format sets
	Mix        Mix
}

// Mix is the weight of each format.
type Mix map[string]int

// DefaultMix is the mix of a team that builds for the web.
func DefaultMix() Mix { return Mix{"npm": 40, "maven": 20, "pypi": 20, "oci": 10, "raw": 10} }

// ParseMix reads "npm=40,maven=20".
func ParseMix(s string) (Mix, error) {
	m := Mix{}
	for part := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		weight, err := strconv.Atoi(value)
		if _, known := releases[name]; !known || err != nil || weight < 1 {
			return nil, fmt.Errorf("%q is not of the form format=weight, such as npm=40", part)
		}
		if weight > maxWeight {
			return nil, fmt.Errorf("%q: a weight is at most %d", part, maxWeight)
		}
		m[name] = weight
	}
	return m, nil
}

// Check refuses a plan that can't be filled.
func (p Plan) Check() error {
	switch {
	case p.Packages < 1:
		return errors.New("there must be one package at least")
	case p.Versions < p.Packages:
		return errors.New("there must be as many versions as packages at least")
	case p.Files < 1 || p.Files > maxFiles:
		return fmt.Errorf("a version has 1 to %d files", maxFiles)
	case p.Tags < 0 || p.Tags > maxTags:
		return fmt.Errorf("a package has 0 to %d tags", maxTags)
	case len(p.Mix) == 0:
		return errors.New("the mix names no format")
	}
	return nil
}

// Bounds of a plan.
const (
	maxFiles  = 1000
	maxTags   = 1000
	maxWeight = 1000 // of a format
)

// Package of a plan: its number, format and number of versions.
type Package struct {
	Number   int
	Format   string
	Versions int
}

// rank and slope shape the distribution: a package's share of the versions falls with its rank, so few have many.
const (
	rankOffset = 10
	slope      = 0.9
)

// List returns the packages, the one with the most versions first; formats come by their weights.
func (p Plan) List() []Package {
	out := make([]Package, p.Packages)
	total := 0.0
	for i := range out {
		total += share(i)
	}
	names := p.formats()
	free, sum, given := float64(p.Versions-p.Packages), 0.0, 0
	for i := range out {
		sum += share(i)
		until := int(math.Round(free * sum / total)) // of the versions beyond the first of each package
		out[i] = Package{Number: i, Format: names[i%len(names)], Versions: 1 + until - given}
		given = until
	}
	return out
}

func share(rank int) float64 { return math.Pow(float64(rank+rankOffset), -slope) }

// formats is a round of formats by weight, mixed by the seed.
func (p Plan) formats() []string {
	var round []string
	for _, name := range sorted(p.Mix) {
		for range p.Mix[name] {
			round = append(round, name)
		}
	}
	r := rand.New(rand.NewPCG(p.Seed, 0))
	r.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
	return round
}

func sorted(m Mix) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// order lists the packages of one worker, each as often as it has versions, shuffled: a package's versions lie apart in the
// database, as if published over years.
func order(list []Package, worker, workers int, seed uint64) []*Package {
	var out []*Package
	for i := worker; i < len(list); i += workers {
		for range list[i].Versions {
			out = append(out, &list[i])
		}
	}
	r := rand.New(rand.NewPCG(seed, uint64(worker)+1))
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
