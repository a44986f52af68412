package maintain

import (
	"context"
	"slices"
	"strings"

	"slipway/metadata"
)

// Member is a process that serves this installation, with the names of the duties that it holds.
type Member struct {
	metadata.Member
	Duties []string
}

// Cluster returns the processes that serve this installation, by name. A store that only this process uses has no list, nor names: then the
// one process has every duty, and its Name is empty. The caller must audit the instance.
func (s *Maintainer) Cluster(ctx context.Context) ([]Member, error) {
	duties, err := s.Duties(ctx)
	if err != nil {
		return nil, err
	}
	peered, ok := s.core.Store.(metadata.Peered)
	if !ok {
		only := Member{Member: metadata.Member{Self: true}}
		for _, d := range duties {
			if d.Holder != "" {
				only.Duties = append(only.Duties, d.Name)
			}
		}
		return []Member{only}, nil
	}
	list, err := peered.Members(ctx)
	members := make([]Member, len(list))
	for i, m := range list {
		members[i].Member = m
	}
	for _, d := range duties {
		// The holder is the name of the process and a random text behind it.
		name := d.Holder[:max(0, strings.LastIndexByte(d.Holder, ' '))]
		if i := slices.IndexFunc(members, func(m Member) bool { return m.Name == name }); i >= 0 && name != "" {
			members[i].Duties = append(members[i].Duties, d.Name)
		}
	}
	return members, err
}
