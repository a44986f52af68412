package command

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version returns the version and the commit that this program was built from; "dev" and "unknown" when the build did not
// say.
func (p *Program) Version() (version, commit string) {
	version, commit = p.BuildVersion, cmp.Or(p.BuildCommit, "unknown")
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

// VersionText is the line that "slipway version" prints.
func (p *Program) VersionText() string {
	version, commit := p.Version()
	return fmt.Sprintf("slipway %s (commit %s, %s, %s/%s)", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// UserAgent names this program to servers.
func (p *Program) UserAgent() string {
	version, _ := p.Version()
	return "slipway/" + version
}
