package api

import (
	"slipway/registry"
	"slipway/registry/access"
)

// The examples of the document are values of the types that the API answers with: they can't be out of shape.

const digestExample = "sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"

var (
	momentExample = "2026-01-02T03:04:05.000678Z"
	laterExample  = "2026-01-09T10:00:00.000000Z"
	seqExample    = int64(43)
)

var repositoryExample = repositoryJSON{
	Name: "main", Description: "everything we release", Upstreams: []string{}, Settings: settingsJSON{RawRedeploy: true}, CreatedAt: momentExample,
}

var consumerExample = consumerJSON{Name: "prod-web", Acked: 42, CreatedAt: momentExample, UpdatedAt: laterExample}

var packageExample = packageJSON{Format: "npm", Name: "@acme/web", Latest: "1.4.2", Versions: 3, CreatedAt: momentExample, UpdatedAt: laterExample}

var sourceExample = &registry.Source{Repository: "https://git.example.com/acme/web", Commit: "4f2a9c1", Ref: "refs/tags/v1.4.2"}

var versionExample = detailJSON{
	versionJSON: versionJSON{
		PURL: "pkg:npm/%40acme/web@1.4.2", Format: "npm", Name: "@acme/web", Version: "1.4.2", State: string(registry.Published),
		Digest: digestExample, Size: 20_480, PublishedAt: momentExample, PublishedBy: "ci", Seq: 42,
	},
	Files: []fileJSON{{Path: "web-1.4.2.tgz", Size: 20_480, MediaType: "application/gzip", Digest: digestExample,
		SHA256: digestExample[len("sha256:"):], AddedAt: momentExample}},
	Tags:    []string{"latest", "production"},
	Release: registry.ReleaseInfo{Source: sourceExample, Custom: map[string]string{"team.ticket": "ABC-1"}},
	Facts:   []factJSON{{Key: "source.commit", Value: "4f2a9c1", Source: "npm:gitHead", Rank: registry.RankDeclared, At: momentExample, Seq: 42}},
}

var hitExample = hitJSON{
	PURL: versionExample.PURL, Repository: "main", Format: "npm", Name: "@acme/web", Version: "1.4.2", State: string(registry.Published),
	Digest: digestExample, Size: 20_480, PublishedAt: momentExample, PublishedBy: "ci", Seq: 42,
}

var tagExample = tagJSON{
	Tag: "production", Version: "1.4.2", Digest: digestExample, Generation: 3, SetAt: laterExample, SetBy: "jane", Reason: "release 12", Seq: seqExample,
}

var endedTagExample = tagJSON{
	Tag: "production", Version: "1.4.1", Digest: digestExample, Generation: 2, SetAt: momentExample, SetBy: "jane", Reason: "release 11", Seq: 40,
	EndedAt: &laterExample,
}

var publishExample = publishJSON{
	ID: "release-7", Repository: "main", CreatedAt: momentExample, UpdatedAt: laterExample,
	Files: []stagedFileJSON{{Format: "raw", Package: "tool", Version: "1.2.0", Path: "tool.tar.gz", Size: 20_480,
		SHA256: digestExample[len("sha256:"):], AddedAt: momentExample}},
}

var tokenExample = tokenJSON{
	ID: "12", Name: "ci", User: "jane", Hint: "slp_abcd", CreatedAt: momentExample, ExpiresAt: &laterExample,
	Permissions: []permissionJSON{{Repository: "main", Actions: []access.Action{access.Read, access.Publish}}},
}

var userExample = userJSON{
	Name: "jane", CreatedAt: momentExample,
	Permissions: []permissionJSON{{Repository: "*", Actions: []access.Action{access.Read, access.Tag}}},
}

var eventExample = registry.Event{
	SpecVersion: "1.0", ID: "01KE8Z5V2N4T7Q9R3W6Y8A0B1C", Source: "https://slipway.example.com", Type: "dev.slipway.tag.set.v1",
	Subject: versionExample.PURL, Time: laterExample, DataContentType: "application/json", Sequence: "00000000000000000043",
	PartitionKey: "package:7", AuthType: "user", AuthID: "user:3",
	Data: []byte(`{"repository":"main","format":"npm","package":"@acme/web","version":"1.4.2","tag":"production","generation":3,"actor":"jane"}`),
}

var subscriptionExample = subscriptionJSON{
	ID: "3", Name: "deploy", Sink: "webhook", URL: "https://deploy.example.com/hook", Preset: "cloudevents", Types: []string{"tag.*"},
	Repositories: []string{"main"}, Packages: []string{"*"}, Tags: []string{"production"}, Enabled: true,
	CreatedAt: momentExample, CreatedBy: "jane", UpdatedAt: momentExample,
}

var deliveryExample = deliveryJSON{
	ID: "981", Subscription: "3", EventID: eventExample.ID, Seq: &seqExample, Type: eventExample.Type, Subject: eventExample.Subject,
	State: string(registry.DeliveryPending), NextAt: &laterExample, CreatedAt: laterExample,
}

var environmentExample = environmentJSON{Name: "prod", Description: "what customers use", Tag: "production", CreatedAt: momentExample, UpdatedAt: momentExample}

var deployedExample = deployedJSON{
	Deployment: "17", Repository: "main", Format: "npm", Package: "@acme/web", Version: "1.4.2", PURL: versionExample.PURL, Digest: digestExample,
}

var environmentStateExample = environmentStateJSON{
	environmentJSON: environmentExample, Seq: 45,
	Services: []serviceStateJSON{{
		Service:  "web",
		Wanted:   &wantedJSON{Tag: "production", Version: "1.4.2", PURL: versionExample.PURL, Digest: digestExample, Since: laterExample, Seq: seqExample},
		Recorded: &recordedJSON{deployedExample, "succeeded", laterExample, "ci", 45},
		Running:  &runningJSON{deployedExample, laterExample, 45},
	}},
}

var deploymentExample = deploymentJSON{
	ID: "17", Environment: "prod", Service: "web", Repository: "main", Format: "npm", Package: "@acme/web", Version: "1.4.2",
	PURL: versionExample.PURL, Digest: digestExample, Status: "succeeded", ExternalID: "build-812", CreatedAt: laterExample, CreatedBy: "ci",
	UpdatedAt: laterExample, UpdatedBy: "ci", FinishedAt: &laterExample, Seq: 44, LastSeq: 45,
}
