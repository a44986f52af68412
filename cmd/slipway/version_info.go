package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// buildVersion is set at link time: -ldflags "-X main.buildVersion=1.2.3".
var buildVersion string

// programVersion returns the version and the commit that this program was built from; "dev" and "unknown" when the
// build did not say.
func programVersion() (version, commit string) {
	version, commit = buildVersion, "unknown"
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
	return firstOf(version, "dev"), commit
}

// versionInfo is what "slipway version" knows.
func versionInfo() map[string]string {
	version, commit := programVersion()
	return map[string]string{"version": version, "commit": commit, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
}

func versionText() string {
	v := versionInfo()
	return fmt.Sprintf("slipway %s (commit %s, %s, %s)", v["version"], v["commit"], v["go"], v["platform"])
}

// userAgent names this program to servers.
func userAgent() string {
	version, _ := programVersion()
	return "slipway/" + version
}
