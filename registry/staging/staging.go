// Package staging keeps areas of files that arrive by several requests and become visible together, when their client commits
// them or their format finds them whole.
package staging

import (
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/publish"
)

// Areas keeps the staged files of an instance.
type Areas struct {
	core       *registry.Core
	content    *content.Store
	publisher  *publish.Publisher
	owners     *access.Authenticator // finds the owner of an area that is committed without a request
	assemblers map[string]Assembler
	cache      *areaCache
	settling   settling
}

// New makes the part. assemblers are the formats whose versions can be staged, by name.
func New(core *registry.Core, content *content.Store, publisher *publish.Publisher, owners *access.Authenticator, assemblers map[string]Assembler) *Areas {
	return &Areas{core: core, content: content, publisher: publisher, owners: owners, assemblers: assemblers, cache: newAreaCache(core.Store)}
}
