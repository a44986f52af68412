package policy

import "slices"

// scope is the rules that may be about one package: of every repository on the way to where it comes from, those of the server first. Each
// repository decides by itself, and the strictest decision counts: what it refuses it refuses also through others.
type scope struct{ lists [][]*rule }

// scope returns the rules that may be about a package, as seen through repositories: the asked one first, the one that has the package last.
func (r *rules) scope(format, pkg string, repositories []int64) scope {
	server := about(nil, r.server, format, pkg)
	out := scope{}
	for _, id := range repositories {
		out.lists = append(out.lists, about(slices.Clip(server), r.byRepository[id], format, pkg))
	}
	return out
}

// about adds the rules of a list that may be about a package.
func about(to, list []*rule, format, pkg string) []*rule {
	for _, one := range list {
		if one.digest != "" || one.names(format, pkg) {
			to = append(to, one)
		}
	}
	return to
}

// empty reports whether no rule may be about the package.
func (s scope) empty() bool { return !s.some(func(*rule) bool { return true }) }

// some reports whether a rule has a property.
func (s scope) some(is func(*rule) bool) bool {
	return slices.ContainsFunc(s.lists, func(list []*rule) bool { return slices.ContainsFunc(list, is) })
}
