package api

import (
	"maps"
	"net/http"
)

// operations say what the document can't read off the routes. A test holds them to the router, and what they say of
// answers to what the server answers.
var operations = func() map[string]operation {
	all := map[string]operation{}
	for _, part := range []map[string]operation{versionOperations, tagOperations, accessOperations, eventOperations, deliveryOperations, deployOperations} {
		maps.Copy(all, part)
	}
	return all
}()

var versionOperations = map[string]operation{
	"api.repositories.list": {id: "listRepositories", group: "Repositories", summary: "List the repositories that you may read",
		query: paged(), answers: success("The repositories, by name.", list[repositoryJSON]{Items: []repositoryJSON{repositoryExample}, Next: "main"})},
	"api.repositories.create": {id: "createRepository", group: "Repositories", summary: "Make a repository",
		request: takes[repositoryChange]("NewRepository", `{"name":"team-a","description":"what team A builds","settings":{"raw_redeploy":true}}`, "name"),
		answers: created("The repository.", repositoryExample, locationOf...), errors: []int{http.StatusConflict}},
	"api.repositories.get": {id: "getRepository", group: "Repositories", summary: "Show a repository", answers: success("The repository.", repositoryExample)},
	"api.repositories.change": {id: "changeRepository", group: "Repositories", summary: "Change a repository",
		about:   "What the body does not name stays, also within `settings`. A name can't change.",
		request: takes[repositoryChange]("RepositoryChange", `{"settings":{"allow_reuse":true}}`),
		answers: success("The repository.", repositoryExample)},
	"api.repositories.delete": {id: "deleteRepository", group: "Repositories", summary: "Delete a repository",
		about: "Refused with 409 while it holds versions.", answers: empty("It is gone."), errors: []int{http.StatusConflict}},

	"api.packages.list": {id: "listPackages", group: "Versions", summary: "List the packages of a repository",
		query: paged(param{name: "format", about: "Packages of this format only."},
			param{name: "q", about: "Packages whose name contains this text; a page may then have few items or none although there is a `next`."}),
		answers: success("The packages, by format and name.", list[packageJSON]{Items: []packageJSON{packageExample}})},
	"api.versions.list": {id: "listVersions", group: "Versions", summary: "List the versions of a package",
		query:   paged(param{name: "deleted", about: "With the tombstones of deleted versions.", of: schema{"type": "boolean", "default": false}}),
		answers: success("The versions, newest first.", list[versionJSON]{Items: []versionJSON{versionExample.versionJSON}})},
	"api.versions.get": {id: "getVersion", group: "Versions", summary: "Show a version with everything that is known of it",
		about: "A deleted version shows as its tombstone.", answers: success("The version.", versionExample)},
	"api.versions.change": {id: "changeVersion", group: "Versions", summary: "Yank or deprecate a version, or take that back",
		about:   "Which states beside `published` there are is the format's: a yanked version is not chosen unless it is asked for, a deprecated one comes with a warning.",
		request: takes[versionChange]("VersionChange", `{"state":"deprecated","reason":"use 2.0.0"}`, "state"),
		answers: success("The version.", versionExample.versionJSON), errors: []int{http.StatusConflict}},
	"api.versions.delete": {id: "deleteVersion", group: "Versions", summary: "Delete a version",
		about: "A tombstone stays, and the name stays taken. A protected version is refused with 409 and the reasons.",
		query: []param{reasonOf}, answers: empty("It is gone."), errors: []int{http.StatusConflict}},
	"api.versions.annotate": {id: "annotateVersion", group: "Versions", summary: "Declare where a version comes from",
		about: "Adds facts; what was declared before stays among the version's facts.",
		request: takes[metadataBody]("DeclaredMetadata", `{"source":{"repository":"https://git.example.com/acme/web","commit":"4f2a9c1"},`+
			`"build":{"system":"ci","id":"812","url":"https://ci.example.com/812"},"custom":{"team.ticket":"ABC-1"}}`),
		answers: empty("It is kept.")},
	"api.versions.file": {id: "getFile", group: "Versions", summary: "Download a file of a version",
		about: "With ranges and conditions (RFC 9110), in the file's own media type. This is where deploy systems pull from that speak no package manager's protocol.",
		header: []param{{name: "Range", about: "The part that is wanted.", example: "bytes=0-1023"},
			{name: "If-None-Match", about: "The `ETag` of what you have."}},
		answers: []answer{
			{http.StatusOK, "The bytes.", fileHeaders, []content{{media: bytesType, of: rawBytes}}},
			{http.StatusPartialContent, "The part, or several as `multipart/byteranges`.", fileHeaders, []content{{media: bytesType, of: rawBytes}}},
			{http.StatusNotModified, "You have it.", nil, nil},
		}, errors: []int{http.StatusRequestedRangeNotSatisfiable}},
	"api.versions.search": {id: "searchVersions", group: "Versions", summary: "Ask for versions by what is known of them",
		about: "Words are joined by AND; `OR`, parentheses, `-` for not, `*` globs, quotes. Fields: `repo: format: name: version: purl: tag: commit: source: ref: build: " +
			"builder: by: state: digest: published:>2026-01-01 has:provenance custom.team.ticket:ABC-1`. With `as_of`, a coordinate that was deleted and published " +
			"again is found from its latest publish on; what it was before is in the log.",
		query:   paged(param{name: "q", about: "The query.", example: "commit:4f2a9c1 -state:yanked"}, asOfParam),
		answers: success("The versions that you may read, those published last first.", list[hitJSON]{Items: []hitJSON{hitExample}})},

	"api.publishes.get": {id: "getPublish", group: "Publishes", summary: "Show what is staged",
		query: []param{publishIn}, answers: success("What waits for the commit.", publishExample)},
	"api.publishes.drop": {id: "dropPublish", group: "Publishes", summary: "Give up what is staged",
		query: []param{publishIn}, answers: empty("Nothing of it was ever visible.")},
	"api.publishes.commit": {id: "commitPublish", group: "Publishes", summary: "Show everything that is staged, at one moment",
		about: "All versions appear, or with an error none does. Who asks again within a day gets the same answer.", query: []param{publishIn}, errors: []int{http.StatusConflict},
		answers: success("The versions.", list[publishedJSON]{Items: []publishedJSON{{PURL: versionExample.PURL, Format: "npm", Name: "@acme/web", Version: "1.4.2",
			Digest: digestExample, Created: true}}})},
}

var fileHeaders = []param{
	{name: "ETag", about: "The file's SHA-256, in quotes."},
	{name: "X-Checksum-Sha256", about: "The file's SHA-256 in hex."},
}

var tagOperations = map[string]operation{
	"api.tags.list": {id: "listTags", group: "Tags", summary: "List the tags of a package",
		query: paged(), answers: success("The tags that hold, by name.", list[tagJSON]{Items: []tagJSON{tagExample}})},
	"api.tags.get": {id: "getTag", group: "Tags", summary: "Show what a tag names, or named",
		query: []param{asOfParam}, answers: success("The tag.", tagExample, generationOf...)},
	"api.tags.set": {id: "setTag", group: "Tags", summary: "Make or move a tag", header: ifMatch,
		request: takes[tagChange]("TagChange", `{"version":"1.4.2","reason":"release 12"}`, "version"),
		answers: success("The tag.", tagExample, generationOf...), errors: []int{http.StatusConflict, http.StatusPreconditionFailed}},
	"api.tags.remove": {id: "removeTag", group: "Tags", summary: "Remove a tag", about: "Its past stays.", header: ifMatch,
		query: []param{reasonOf}, answers: empty("It is gone."), errors: []int{http.StatusConflict, http.StatusPreconditionFailed}},
	"api.tags.history": {id: "listTagHistory", group: "Tags", summary: "List what a tag has named",
		query: paged(), answers: success("Every interval, newest first.", list[tagJSON]{Items: []tagJSON{tagExample, endedTagExample}})},
}
