package raw

import "slipway/registry"

// redeploy lets other bytes be stored under a path that exists.
var redeploy = registry.NewSetting[bool]("raw_redeploy", "Plain files may be replaced", "Other bytes may be stored under a raw path that exists.")
