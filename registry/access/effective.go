package access

import "slices"

// Effective returns what an actor may do, as one list of grants: what all the lists that bound it allow. Where two globs
// overlap and neither contains the other ("team-*" and "*-a"), no grant can say what both match, and it is left out.
func (a Actor) Effective() []Grant {
	out := expanded(a.Grants)
	bounds := a.Bounds
	if a.Type == TypeToken && !a.Session {
		bounds = append([][]Grant{a.Owner}, bounds...)
	}
	for _, bound := range bounds {
		out = both(out, expanded(bound))
	}
	server := slices.DeleteFunc(slices.Clone(out), func(g Grant) bool { return g.Repository != Instance })
	out = slices.DeleteFunc(out, func(g Grant) bool { // said by a right over the whole server already
		return g.Environment != "" && Covers(Actor{Grants: server}, []Grant{g})
	})
	for i := range out {
		out[i].Role, out[i].Group, out[i].Ownership = "", "", ""
	}
	return out
}

// expanded returns grants in which a right over the whole server is also one over all environments, which it contains.
func expanded(grants []Grant) []Grant {
	out := slices.Clone(grants)
	for _, g := range grants {
		switch {
		case g.overEnvironments(Admin):
			out = append(out, Grant{Environment: "*", Actions: []Action{Admin}})
		case g.overEnvironments(Read):
			out = append(out, Grant{Environment: "*", Actions: []Action{Read}})
		}
	}
	return out
}

// both returns what two lists of grants allow.
func both(x, y []Grant) []Grant {
	var out []Grant
	for _, g := range x {
		for _, h := range y {
			if (g.Environment == "") != (h.Environment == "") {
				continue
			}
			narrow, ok := narrower(g, h)
			if !ok {
				continue
			}
			if narrow.Actions = common(g, h); len(narrow.Actions) > 0 && !slices.ContainsFunc(out, func(o Grant) bool { return sameGrant(o, narrow) }) {
				out = append(out, narrow)
			}
		}
	}
	return out
}

// narrower returns a grant with the names that both globs match; false: none, or no glob says it.
func narrower(g, h Grant) (Grant, bool) {
	a, b := g.Repository, h.Repository
	if g.Environment != "" {
		a, b = g.Environment, h.Environment
	}
	switch {
	case globCovers(a, b):
		return Grant{Repository: h.Repository, Environment: h.Environment}, true
	case globCovers(b, a):
		return Grant{Repository: g.Repository, Environment: g.Environment}, true
	}
	return Grant{}, false
}

// common returns the actions that both grants allow where both apply.
func common(g, h Grant) []Action {
	if slices.Contains(g.Actions, Admin) && slices.Contains(h.Actions, Admin) {
		return []Action{Admin}
	}
	var out []Action
	for _, a := range Actions {
		if a != Admin && g.has(a) && h.has(a) && (g.Environment == "" || slices.Contains(EnvironmentActions, a)) {
			out = append(out, a)
		}
	}
	return out
}

func sameGrant(g, h Grant) bool {
	return g.Repository == h.Repository && g.Environment == h.Environment && slices.Equal(g.Actions, h.Actions)
}
