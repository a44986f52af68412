package sqlstore

import "slipway/metadata"

// The groups of a transaction. Each is one pointer wide, so that an interface holds it without an allocation.
type (
	repositories  struct{ *Tx }
	packages      struct{ *Tx }
	upstreams     struct{ *Tx }
	caches        struct{ *Tx }
	names         struct{ *Tx }
	evictions     struct{ *Tx }
	policies      struct{ *Tx }
	versions      struct{ *Tx }
	files         struct{ *Tx }
	trash         struct{ *Tx }
	references    struct{ *Tx }
	facts         struct{ *Tx }
	pulls         struct{ *Tx }
	dependencies  struct{ *Tx }
	tags          struct{ *Tx }
	searches      struct{ *Tx }
	blobs         struct{ *Tx }
	leases        struct{ *Tx }
	collection    struct{ *Tx }
	uploads       struct{ *Tx }
	stagings      struct{ *Tx }
	users         struct{ *Tx }
	groups        struct{ *Tx }
	roles         struct{ *Tx }
	tokens        struct{ *Tx }
	sessions      struct{ *Tx }
	log           struct{ *Tx }
	consumers     struct{ *Tx }
	subscriptions struct{ *Tx }
	deliveries    struct{ *Tx }
	environments  struct{ *Tx }
	deployments   struct{ *Tx }
	runs          struct{ *Tx }
	duties        struct{ *Tx }
	settings      struct{ *Tx }
)

// Repositories implements metadata.Tx.
func (t *Tx) Repositories() metadata.Repositories { return repositories{t} }

// Packages implements metadata.Tx.
func (t *Tx) Packages() metadata.Packages { return packages{t} }

// Upstreams implements metadata.Tx.
func (t *Tx) Upstreams() metadata.Upstreams { return upstreams{t} }

// Caches implements metadata.Tx.
func (t *Tx) Caches() metadata.Caches { return caches{t} }

// Names implements metadata.Tx.
func (t *Tx) Names() metadata.Names { return names{t} }

// Evictions implements metadata.Tx.
func (t *Tx) Evictions() metadata.Evictions { return evictions{t} }

// Policies implements metadata.Tx.
func (t *Tx) Policies() metadata.Policies { return policies{t} }

// Versions implements metadata.Tx.
func (t *Tx) Versions() metadata.Versions { return versions{t} }

// Files implements metadata.Tx.
func (t *Tx) Files() metadata.Files { return files{t} }

// Trash implements metadata.Tx.
func (t *Tx) Trash() metadata.Trash { return trash{t} }

// References implements metadata.Tx.
func (t *Tx) References() metadata.References { return references{t} }

// Facts implements metadata.Tx.
func (t *Tx) Facts() metadata.Facts { return facts{t} }

// Pulls implements metadata.Tx.
func (t *Tx) Pulls() metadata.Pulls { return pulls{t} }

// Dependencies implements metadata.Tx.
func (t *Tx) Dependencies() metadata.Dependencies { return dependencies{t} }

// Tags implements metadata.Tx.
func (t *Tx) Tags() metadata.Tags { return tags{t} }

// Searches implements metadata.Tx.
func (t *Tx) Searches() metadata.Searches { return searches{t} }

// Blobs implements metadata.Tx.
func (t *Tx) Blobs() metadata.Blobs { return blobs{t} }

// Leases implements metadata.Tx.
func (t *Tx) Leases() metadata.Leases { return leases{t} }

// Collection implements metadata.Tx.
func (t *Tx) Collection() metadata.Collection { return collection{t} }

// Uploads implements metadata.Tx.
func (t *Tx) Uploads() metadata.Uploads { return uploads{t} }

// Stagings implements metadata.Tx.
func (t *Tx) Stagings() metadata.Stagings { return stagings{t} }

// Users implements metadata.Tx.
func (t *Tx) Users() metadata.Users { return users{t} }

// Groups implements metadata.Tx.
func (t *Tx) Groups() metadata.Groups { return groups{t} }

// Roles implements metadata.Tx.
func (t *Tx) Roles() metadata.Roles { return roles{t} }

// Tokens implements metadata.Tx.
func (t *Tx) Tokens() metadata.Tokens { return tokens{t} }

// Sessions implements metadata.Tx.
func (t *Tx) Sessions() metadata.Sessions { return sessions{t} }

// Log implements metadata.Tx.
func (t *Tx) Log() metadata.Log { return log{t} }

// Consumers implements metadata.Tx.
func (t *Tx) Consumers() metadata.Consumers { return consumers{t} }

// Subscriptions implements metadata.Tx.
func (t *Tx) Subscriptions() metadata.Subscriptions { return subscriptions{t} }

// Deliveries implements metadata.Tx.
func (t *Tx) Deliveries() metadata.Deliveries { return deliveries{t} }

// Environments implements metadata.Tx.
func (t *Tx) Environments() metadata.Environments { return environments{t} }

// Deployments implements metadata.Tx.
func (t *Tx) Deployments() metadata.Deployments { return deployments{t} }

// Runs implements metadata.Tx.
func (t *Tx) Runs() metadata.Runs { return runs{t} }

// Duties implements metadata.Tx.
func (t *Tx) Duties() metadata.Duties { return duties{t} }

// Settings implements metadata.Tx.
func (t *Tx) Settings() metadata.Settings { return settings{t} }
