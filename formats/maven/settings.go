package maven

import "slipway/registry"

// immediate shows every file of a deploy when it is stored, instead of all at the deploy's end.
var immediate = registry.NewSetting[bool]("maven_immediate",
	"Every file of a Maven deploy shows when it is stored, instead of all at its end.")
