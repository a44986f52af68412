package maven

import "slipway/registry"

// immediate shows every file of a deploy when it is stored, instead of all at the deploy's end.
var immediate = registry.NewSetting[bool]("maven_immediate", "Maven files show at once",
	"Every file of a Maven deploy shows when it is stored, instead of all at its end.")

// pomRule is what becomes of a POM that can't be read, or is about something else than its path.
var pomRule = registry.NewChoice("maven_pom", "POMs that are wrong",
	"A POM that is no XML, or whose groupId, artifactId or version differ from its path, is refused (strict), taken with a warning in the answer (warn), or taken (off).",
	pomStrict, pomWarn, pomOff)

// Values of pomRule.
const (
	pomStrict = "strict"
	pomWarn   = "warn"
	pomOff    = "off"
)
