package formats

import (
	"slipway/registry"
	"slipway/registry/accounts"
	"slipway/registry/catalog"
	"slipway/registry/content"
	"slipway/registry/publish"
	"slipway/registry/pulls"
	"slipway/registry/staging"
)

// Parts are the parts of the core that front-ends are written against.
type Parts struct {
	Core      *registry.Core
	Accounts  *accounts.Accounts
	Catalog   catalog.Reader
	Pulls     *pulls.Pulls
	Content   *content.Store
	Publisher *publish.Publisher
	Staging   *staging.Areas
}
