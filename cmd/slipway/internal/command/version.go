package command

import (
	"cmp"
	"runtime/debug"
)

// Version returns the version and the commit that this program was built from; "dev" and "unknown" when the build did not
// say.
func (p *Program) Version() (version, commit string) {
	version, commit = p.BuildVersion, "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		if version == "" && info.Main.Version != "(devel)" {
			version = info.Main.Version
		}
		dirty := ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "-dirty"
			}
		}
		commit += dirty
	}
	return cmp.Or(version, "dev"), commit
}

// UserAgent names this program to servers.
func (p *Program) UserAgent() string {
	version, _ := p.Version()
	return "slipway/" + version
}
