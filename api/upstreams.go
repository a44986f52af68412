package api

// Upstream is one of the places that a repository answers from beside its own versions.
type Upstream struct {
	Name       string   `json:"name" doc:"Its name in the repository."`
	Type       string   `json:"type" enum:"repository,remote" doc:"What it is: another repository of this server, or a registry elsewhere."`
	Repository string   `json:"repository,omitempty" doc:"The other repository."`
	Format     string   `json:"format,omitempty" doc:"Of a remote: the format that it serves."`
	URL        string   `json:"url,omitempty" doc:"Of a remote: its address, for administrators of the repository alone."`
	Formats    []string `json:"formats,omitempty" doc:"The formats that it is asked for; absent: every format."`
	Allow      []string `json:"allow,omitempty" doc:"Patterns of the only package names that it is asked for."`
	Deny       []string `json:"deny,omitempty" doc:"Patterns of package names that it is not asked for."`
	Mode       string   `json:"mode,omitempty" enum:"first,merge" doc:"How a name that several places have is answered: by the first alone, or by all together; absent: as the format does."`
	Through    bool     `json:"through" doc:"Whether the right to read this repository is enough to read the other one through it."`

	Writes         bool   `json:"writes,omitempty" doc:"Whether the other repository takes what is written to this one: publishes, tags, deletions."`
	WritesVersions string `json:"writes_versions,omitempty" enum:"releases,snapshots" doc:"With 'writes': which versions it takes; absent: all."`

	TTL                string         `json:"ttl,omitempty" doc:"Of a remote: how long a document is taken to be as it was, at most, as in '10m0s'; absent: as the format does."`
	Offline            bool           `json:"offline,omitempty" doc:"Of a remote: it is not asked; what is cached is served."`
	AnonymousFetch     bool           `json:"anonymous_fetch,omitempty" doc:"Of a remote: callers without credentials may cause a fetch; without it they read what is cached."`
	Redirects          []string       `json:"redirects,omitempty" doc:"Of a remote: where its redirects and links may lead: 'public', 'same-origin', or hosts; absent: public. For administrators of the repository alone."`
	ForbiddenIsMissing bool           `json:"forbidden_is_missing,omitempty" doc:"Of a remote: its 403 means that it does not have something."`
	Library            bool           `json:"library,omitempty" doc:"Of a remote with images: those whose names have one segment lie in its folder 'library'."`
	Namespaces         []string       `json:"namespaces,omitempty" doc:"Of a remote with images: names of hosts by which clients of a mirror know it ('?ns='), beside that of its address."`
	OnRemoval          string         `json:"on_removal,omitempty" enum:"block,hide,keep" doc:"Of a remote: what becomes of versions that entered and that it lists no more; absent: as the format does."`
	Checksum           string         `json:"checksum,omitempty" enum:"require,strong,warn" doc:"Of a remote: which checksums of a file it must announce; absent: as the format does."`
	Owns               bool           `json:"owns,omitempty" doc:"Of a remote: names that it has count as ours. It is asked first, and others only for names that it does not have; while it can't answer, nothing new comes from them."`
	OnFailure          string         `json:"on_failure,omitempty" enum:"fail,skip" doc:"While it can't answer: 'fail' makes names that it may have unavailable, 'skip' lets the places behind it answer; absent: fail."`
	Auth               *UpstreamAuth  `json:"auth,omitempty" doc:"Of a remote: what it is shown, for administrators of the repository alone; absent: nothing."`
	State              *UpstreamState `json:"state,omitempty" doc:"Of a remote: how it was found, for administrators of the repository alone; absent: it was not asked since the server started."`

	Cooldown             string             `json:"cooldown,omitempty" doc:"Of a remote: how old a version must be before it is shown and served, such as '72h'; absent: no age."`
	UnknownAge           string             `json:"unknown_age,omitempty" enum:"allow,block" doc:"Of a remote with cooldown: what becomes of versions without a known age; absent: allow."`
	NegativeTTL          string             `json:"negative_ttl,omitempty" doc:"Of a remote: how long something is taken to be absent after the remote has said so; absent: 60 s."`
	StaleWhileRevalidate string             `json:"stale_while_revalidate,omitempty" doc:"Of a remote: how long a document that has expired is served at once, and asked for anew behind; absent: 1 h."`
	StaleIfError         string             `json:"stale_if_error,omitempty" doc:"Of a remote: how long a document that has expired is served while the remote can't be asked; absent: 30 days."`
	Timeouts             *UpstreamTimeouts  `json:"timeouts,omitempty" doc:"Of a remote: how long it is waited for."`
	Keep                 *UpstreamKeep      `json:"keep,omitempty" doc:"Of a remote: which of its files stay; those that were not used for longest go first. It is given as a whole."`
	Concurrency          int                `json:"concurrency,omitempty" doc:"Of a remote: requests at once at one host, at most; absent: 64, and 50 without HTTP/2."`
	Rate                 float64            `json:"rate,omitempty" doc:"Of a remote: requests in a second at one host, at most; absent: no bound."`
	MaxDocument          int64              `json:"max_document,omitempty" doc:"Of a remote: bytes of a document, inflated, at most; absent: 256 MiB."`
	MaxFile              int64              `json:"max_file,omitempty" doc:"Of a remote: bytes of a file, at most; absent: 20 GiB."`
	UserAgent            string             `json:"user_agent,omitempty" doc:"Of a remote: what is added to the server's own User-Agent. For administrators of the repository alone."`
	TLS                  *UpstreamTLS       `json:"tls,omitempty" doc:"Of a remote: authorities beside those of the system, and a client certificate. For administrators of the repository alone."`
	Proxy                string             `json:"proxy,omitempty" doc:"Of a remote: 'direct', 'inherit' the proxy of the server's setting, or the URL of an http, https or socks5 proxy without credentials; absent: inherit. For administrators of the repository alone."`
	ProxyAuth            *UpstreamProxyAuth `json:"proxy_auth,omitempty" doc:"Of a remote: the credentials for the proxy. For administrators of the repository alone."`
}

// UpstreamAuth is what a remote is shown by the server. Its secret is never told.
type UpstreamAuth struct {
	Type   string `json:"type" enum:"basic,bearer,header" doc:"How: user name and password, a token, or a header of its own."`
	User   string `json:"user,omitempty" doc:"Of basic: the user name."`
	Header string `json:"header,omitempty" doc:"Of header: its name."`
	File   string `json:"file,omitempty" doc:"The file with the secret in the server's directory for them."`
	Secret bool   `json:"secret" doc:"Whether there is a secret: true."`
}

// NewUpstreamAuth is what a remote is to be shown; it needs a type and, unless that is none, a secret or a file.
type NewUpstreamAuth struct {
	Type   string `json:"type,omitempty" enum:"none,basic,bearer,header" doc:"How: not at all, user name and password, a token, or a header of its own."`
	User   string `json:"user,omitempty" doc:"Of basic: the user name."`
	Header string `json:"header,omitempty" doc:"Of header: its name."`
	Secret string `json:"secret,omitempty" empty:"refused" doc:"The password, the token, or the value of the header. It is kept sealed, and shown only to the address of the remote, never to where redirects and links lead. The value true keeps the one that is there."`
	File   string `json:"file,omitempty" doc:"In place of a secret: the name of a file with it in the server's directory for them ('serve --upstream-secrets'), which is read again when it changes."`
}

// UpstreamTimeouts are how long a remote is waited for, as in '10s'.
type UpstreamTimeouts struct {
	Connect    string `json:"connect,omitempty" doc:"For a connection, and again for TLS; absent: 3 s."`
	Document   string `json:"document,omitempty" doc:"For the header of a document; absent: 10 s."`
	File       string `json:"file,omitempty" doc:"For the header of a file; absent: 30 s."`
	Idle       string `json:"idle,omitempty" doc:"For the next bytes of a body; absent: 30 s."`
	StaleAfter string `json:"stale_after,omitempty" doc:"Until a copy is served while a document is asked for anew; absent: 2 s."`
}

// UpstreamKeep bounds the files of a remote that are here.
type UpstreamKeep struct {
	Unused string `json:"unused,omitempty" doc:"How long a file stays after its last use, such as '720h'; absent: 2160h; 0s: as long as there is room."`
	Bytes  int64  `json:"bytes,omitempty" doc:"Bytes of all files, at most; absent or 0: no bound."`
}

// UpstreamTLS is how a remote is known, and what this server shows to be known.
type UpstreamTLS struct {
	CA          string `json:"ca,omitempty" doc:"Authorities that are trusted beside those of the system, in PEM."`
	Certificate string `json:"certificate,omitempty" doc:"The client certificate, in PEM."`
	Key         bool   `json:"key,omitempty" doc:"Whether there is a key for it."`
}

// NewUpstreamTLS is a change of UpstreamTLS. Fields that it leaves out stay.
type NewUpstreamTLS struct {
	CA          *string `json:"ca,omitempty" doc:"Authorities that are trusted beside those of the system, in PEM; empty: none."`
	Certificate *string `json:"certificate,omitempty" doc:"A client certificate, in PEM, which only the address of the remote is shown; empty: none."`
	Key         *string `json:"key,omitempty" doc:"The key of the certificate, in PEM. It is kept sealed. The value true keeps the one that is there; empty: none."`
}

// UpstreamProxyAuth are the credentials for a proxy. The secret is never told.
type UpstreamProxyAuth struct {
	User   string `json:"user" doc:"The user name."`
	Secret bool   `json:"secret" doc:"Whether there is a password: true."`
}

// NewUpstreamProxyAuth are credentials for a proxy, as a whole; empty: none.
type NewUpstreamProxyAuth struct {
	User   string `json:"user,omitempty" doc:"The user name."`
	Secret string `json:"secret,omitempty" doc:"The password. It is kept sealed. The value true keeps the one that is there."`
}

// UpstreamState is how a remote was found when it was asked last.
type UpstreamState struct {
	Breaker      string  `json:"breaker" enum:"closed,half-open,open" doc:"Closed: it is asked. Open: it is not, for a while, as it did not answer. Half-open: one request finds out whether it does again."`
	LastError    string  `json:"last_error,omitempty" doc:"Why it could not be used the last time that it could not."`
	LastErrorAt  *string `json:"last_error_at" format:"date-time" doc:"When; null: never."`
	NextTryAt    *string `json:"next_try_at" format:"date-time" doc:"When it is asked again; null: at once."`
	LastAnswerAt *string `json:"last_answer_at" format:"date-time" doc:"When it last gave an answer that is no failure; null: it did not since the server started or its settings were changed."`

	PausedUntil        *string        `json:"paused_until" format:"date-time" doc:"Until when it asked to be left alone; null: it did not."`
	Requests           int64          `json:"requests" doc:"How many requests it got since the server started or its settings were changed."`
	Failures           int64          `json:"failures" doc:"How many of them it did not answer, or with a 5xx."`
	UnderWay           int            `json:"under_way" doc:"Requests that are under way."`
	Queued             int            `json:"queued" doc:"Requests that wait for a place."`
	RateLimit          *int           `json:"ratelimit" doc:"How many requests it allows in the time that it counts; null: it does not tell."`
	RateLimitRemaining *int           `json:"ratelimit_remaining" doc:"How many of these are left; null: it does not tell."`
	Hosts              []UpstreamHost `json:"hosts" doc:"Other hosts that its redirects and links led to; each has limits and a breaker of its own."`
}

// UpstreamHost is how another host of a remote was found when it was asked last.
type UpstreamHost struct {
	Origin      string  `json:"origin" doc:"Scheme, host and port."`
	Breaker     string  `json:"breaker" enum:"closed,half-open,open" doc:"As of the remote."`
	LastError   string  `json:"last_error,omitempty" doc:"As of the remote."`
	LastErrorAt *string `json:"last_error_at" format:"date-time" doc:"As of the remote."`
	NextTryAt   *string `json:"next_try_at" format:"date-time" doc:"As of the remote."`
	Requests    int64   `json:"requests" doc:"As of the remote."`
	Failures    int64   `json:"failures" doc:"As of the remote."`
}

// UpstreamCheck is the answer to POST …/upstreams/{name}/check.
type UpstreamCheck struct {
	OK    bool                `json:"ok" doc:"Whether every step ended well."`
	Steps []UpstreamCheckStep `json:"steps" doc:"In their order, up to the first that failed. With a proxy, the connection is that to the proxy."`
}

// UpstreamCheckStep is one step of a check.
type UpstreamCheckStep struct {
	Step         string  `json:"step" enum:"resolve,connect,tls,ask" doc:"Its name: the host's name is looked up, a connection is made, TLS is agreed upon, the question is answered."`
	OK           bool    `json:"ok" doc:"Whether it ended well."`
	Milliseconds float64 `json:"milliseconds" doc:"How long it took."`
	Detail       string  `json:"detail" doc:"What came of it."`
}

// NewUpstream is the body of POST /repositories/{repository}/upstreams; it needs a repository, or a format and a URL.
type NewUpstream struct {
	Name       string   `json:"name,omitempty" doc:"Its name in the repository, which can't change; absent: that of the other repository, or of the format."`
	Type       string   `json:"type,omitempty" enum:"repository,remote" doc:"What it is; absent: a remote where there is a url, else a repository."`
	Repository string   `json:"repository,omitempty" doc:"The other repository, which you may read."`
	Format     string   `json:"format,omitempty" doc:"Of a remote: the format that it serves: npm, pypi, maven, oci or raw."`
	URL        string   `json:"url,omitempty" doc:"Of a remote: its address as clients use it, http or https, without credentials, query and fragment. An administrator of the server must add it."`
	Formats    []string `json:"formats,omitempty" doc:"The formats that it is asked for; absent: every format."`
	Allow      []string `json:"allow,omitempty" doc:"Patterns of the only package names that it is asked for: '@acme/*', 'com.acme.**'."`
	Deny       []string `json:"deny,omitempty" doc:"Patterns of package names that it is not asked for; they win over 'allow'."`
	Mode       string   `json:"mode,omitempty" doc:"How a name that several places have is answered: 'first' alone, or 'merge' all; absent: as the format does."`
	Through    bool     `json:"through,omitempty" doc:"Whether the right to read this repository is enough to read the other one through it. An administrator of the other one must set it."`

	Writes         bool   `json:"writes,omitempty" doc:"Whether the other repository takes what is written to this one: publishes, tags, deletions. Callers need the right in both. One upstream at most takes a write."`
	WritesVersions string `json:"writes_versions,omitempty" doc:"With 'writes': 'releases' or 'snapshots' of Maven, where different repositories take them; absent: all versions."`

	TTL                string           `json:"ttl,omitempty" doc:"Of a remote: how long a document is taken to be as it was, at most: '90s', '10m'; absent: as the format does."`
	Offline            bool             `json:"offline,omitempty" doc:"Of a remote: do not ask it; what is cached is served."`
	AnonymousFetch     bool             `json:"anonymous_fetch,omitempty" doc:"Of a remote: let callers without credentials cause a fetch."`
	Redirects          []string         `json:"redirects,omitempty" doc:"Of a remote: where its redirects and links may lead: 'public', 'same-origin', or hosts; absent: public."`
	ForbiddenIsMissing bool             `json:"forbidden_is_missing,omitempty" doc:"Of a remote: its 403 means that it does not have something, as at indexes on object stores."`
	Library            bool             `json:"library,omitempty" doc:"Of a remote with images: those whose names have one segment lie in its folder 'library'. The registry that is known for it needs no setting."`
	Namespaces         []string         `json:"namespaces,omitempty" doc:"Of a remote with images: names of hosts by which clients of a mirror know it ('?ns='), beside that of its address. Where an upstream has some, a client that says which registry it wants gets images of that one alone."`
	OnRemoval          string           `json:"on_removal,omitempty" doc:"Of a remote: what becomes of versions that entered and that it lists no more: 'block' refuses them, 'hide' leaves them out of documents, 'keep' changes nothing; absent: block for npm, hide for PyPI, keep for Maven."`
	Checksum           string           `json:"checksum,omitempty" doc:"Of a remote: which checksums of a file it must announce: 'require' any, 'strong' a SHA-256 or SHA-512, 'warn' none; absent: require for npm and PyPI, warn for the others. A wrong one is always refused."`
	Owns               bool             `json:"owns,omitempty" doc:"Of a remote: names that it has count as ours. It is asked first, and others only for names that it does not have; while it can't answer, nothing new comes from them."`
	OnFailure          string           `json:"on_failure,omitempty" doc:"While it can't answer: 'fail' makes names that it may have unavailable, 'skip' lets the places behind it answer; absent: fail."`
	Auth               *NewUpstreamAuth `json:"auth,omitempty" doc:"Of a remote: what it is shown; absent: nothing, or in a list of upstreams as it was."`

	Cooldown             string                `json:"cooldown,omitempty" doc:"Of a remote: how old a version must be before it is shown and served, such as '72h'; absent: no age."`
	UnknownAge           string                `json:"unknown_age,omitempty" enum:"allow,block" doc:"Of a remote with cooldown: what becomes of versions without a known age; absent: allow."`
	NegativeTTL          string                `json:"negative_ttl,omitempty" doc:"Of a remote: how long something is taken to be absent after the remote has said so; absent: 60 s."`
	StaleWhileRevalidate string                `json:"stale_while_revalidate,omitempty" doc:"Of a remote: how long a document that has expired is served at once, and asked for anew behind; absent: 1 h."`
	StaleIfError         string                `json:"stale_if_error,omitempty" doc:"Of a remote: how long a document that has expired is served while the remote can't be asked; absent: 30 days."`
	Timeouts             *UpstreamTimeouts     `json:"timeouts,omitempty" doc:"Of a remote: how long it is waited for."`
	Keep                 *UpstreamKeep         `json:"keep,omitempty" doc:"Of a remote: which of its files stay; those that were not used for longest go first. It is given as a whole."`
	Concurrency          int                   `json:"concurrency,omitempty" doc:"Of a remote: requests at once at one host, at most; absent: 64, and 50 without HTTP/2."`
	Rate                 float64               `json:"rate,omitempty" doc:"Of a remote: requests in a second at one host, at most; absent: no bound."`
	MaxDocument          int64                 `json:"max_document,omitempty" doc:"Of a remote: bytes of a document, inflated, at most; absent: 256 MiB."`
	MaxFile              int64                 `json:"max_file,omitempty" doc:"Of a remote: bytes of a file, at most; absent: 20 GiB."`
	UserAgent            string                `json:"user_agent,omitempty" doc:"Of a remote: what is added to the server's own User-Agent."`
	TLS                  *NewUpstreamTLS       `json:"tls,omitempty" doc:"Of a remote: authorities beside those of the system, and a client certificate."`
	Proxy                string                `json:"proxy,omitempty" doc:"Of a remote: 'direct', 'inherit' the proxy of the server's setting, or the URL of an http, https or socks5 proxy without credentials; absent: inherit."`
	ProxyAuth            *NewUpstreamProxyAuth `json:"proxy_auth,omitempty" doc:"Of a remote: the credentials for the proxy."`
}

// UpstreamChange is the body of PATCH /repositories/{repository}/upstreams/{name}. Fields that it leaves out stay. Name may repeat
// the name, which can't change.
type UpstreamChange struct {
	Name    string    `json:"name,omitempty" doc:"Its name."`
	Formats *[]string `json:"formats,omitempty" doc:"The formats that it is asked for; empty: every format."`
	Allow   *[]string `json:"allow,omitempty" doc:"Patterns of the only package names that it is asked for; empty: all."`
	Deny    *[]string `json:"deny,omitempty" doc:"Patterns of package names that it is not asked for."`
	Mode    *string   `json:"mode,omitempty" doc:"'first', 'merge', or empty: as the format does."`
	Through *bool     `json:"through,omitempty" doc:"Whether the right to read this repository is enough to read the other one through it."`

	Writes         *bool   `json:"writes,omitempty" doc:"Whether the other repository takes what is written to this one."`
	WritesVersions *string `json:"writes_versions,omitempty" doc:"With 'writes': 'releases', 'snapshots', or empty: all versions."`

	TTL                *string          `json:"ttl,omitempty" doc:"Of a remote: how long a document is taken to be as it was, at most; empty: as the format does."`
	Offline            *bool            `json:"offline,omitempty" doc:"Of a remote: do not ask it; what is cached is served."`
	AnonymousFetch     *bool            `json:"anonymous_fetch,omitempty" doc:"Of a remote: let callers without credentials cause a fetch."`
	Redirects          *[]string        `json:"redirects,omitempty" doc:"Of a remote: where its redirects and links may lead; an administrator of the server must change it."`
	ForbiddenIsMissing *bool            `json:"forbidden_is_missing,omitempty" doc:"Of a remote: its 403 means that it does not have something."`
	Library            *bool            `json:"library,omitempty" doc:"Of a remote with images: those whose names have one segment lie in its folder 'library'."`
	Namespaces         *[]string        `json:"namespaces,omitempty" doc:"Of a remote with images: names of hosts by which clients of a mirror know it ('?ns='); empty: that of its address alone."`
	OnRemoval          *string          `json:"on_removal,omitempty" doc:"Of a remote: 'block', 'hide', 'keep', or empty: as the format does."`
	Checksum           *string          `json:"checksum,omitempty" doc:"Of a remote: 'require', 'strong', 'warn', or empty: as the format does."`
	Owns               *bool            `json:"owns,omitempty" doc:"Of a remote: names that it has count as ours. It is asked first, and others only for names that it does not have; while it can't answer, nothing new comes from them."`
	OnFailure          *string          `json:"on_failure,omitempty" doc:"While it can't answer: 'fail' makes names that it may have unavailable, 'skip' lets the places behind it answer; absent: fail."`
	URL                *string          `json:"url,omitempty" doc:"Of a remote: another address. An administrator of the server must give it, and its credentials too where the host is another."`
	Auth               *NewUpstreamAuth `json:"auth,omitempty" doc:"Of a remote: what it is shown, as a whole; an administrator of the server must change it."`

	Cooldown             *string               `json:"cooldown,omitempty" doc:"Of a remote: how old a version must be before it is shown and served, such as '72h'; empty: no age."`
	UnknownAge           *string               `json:"unknown_age,omitempty" enum:"allow,block" doc:"Of a remote with cooldown: what becomes of versions without a known age; empty: allow."`
	NegativeTTL          *string               `json:"negative_ttl,omitempty" doc:"Of a remote: how long something is taken to be absent after the remote has said so; empty: 60 s."`
	StaleWhileRevalidate *string               `json:"stale_while_revalidate,omitempty" doc:"Of a remote: how long a document that has expired is served at once, and asked for anew behind; empty: 1 h."`
	StaleIfError         *string               `json:"stale_if_error,omitempty" doc:"Of a remote: how long a document that has expired is served while the remote can't be asked; empty: 30 days."`
	Timeouts             *UpstreamTimeouts     `json:"timeouts,omitempty" doc:"Of a remote: how long it is waited for."`
	Keep                 *UpstreamKeep         `json:"keep,omitempty" doc:"Of a remote: which of its files stay; those that were not used for longest go first. It is given as a whole."`
	Concurrency          *int                  `json:"concurrency,omitempty" doc:"Of a remote: requests at once at one host, at most; 0: 64, and 50 without HTTP/2."`
	Rate                 *float64              `json:"rate,omitempty" doc:"Of a remote: requests in a second at one host, at most; 0: no bound."`
	MaxDocument          *int64                `json:"max_document,omitempty" doc:"Of a remote: bytes of a document, inflated, at most; 0: 256 MiB."`
	MaxFile              *int64                `json:"max_file,omitempty" doc:"Of a remote: bytes of a file, at most; 0: 20 GiB."`
	UserAgent            *string               `json:"user_agent,omitempty" doc:"Of a remote: what is added to the server's own User-Agent."`
	TLS                  *NewUpstreamTLS       `json:"tls,omitempty" doc:"Of a remote: authorities beside those of the system, and a client certificate. An administrator of the server must change it."`
	Proxy                *string               `json:"proxy,omitempty" doc:"Of a remote: 'direct', 'inherit' the proxy of the server's setting, or the URL of an http, https or socks5 proxy without credentials; empty: inherit. An administrator of the server must change it."`
	ProxyAuth            *NewUpstreamProxyAuth `json:"proxy_auth,omitempty" doc:"Of a remote: the credentials for the proxy. An administrator of the server must change it."`
}

// Refreshed is the answer to POST /repositories/{repository}/refresh: how much of what was known of remotes counts no more.
type Refreshed struct {
	Documents int `json:"documents" doc:"Documents, and absences of packages, that were taken to be as they were."`
	Files     int `json:"files" doc:"Files that were taken to be absent."`
}

// UpstreamOrder is the body of PUT /repositories/{repository}/upstreams/order.
type UpstreamOrder struct {
	Upstreams []string `json:"upstreams,omitempty" doc:"Names of all upstreams of the repository, in the order in which they are to be asked."`
}

// Claim reserves the names of packages that match a pattern: they come from no registry elsewhere, even before they are published.
type Claim struct {
	ID         string `json:"id" doc:"Its id."`
	Repository string `json:"repository,omitempty" doc:"Where it holds; absent: in every repository."`
	Format     string `json:"format" doc:"The format of the packages."`
	Pattern    string `json:"pattern" doc:"Of the names, in the format's spelling."`
	CreatedAt  string `json:"created_at" format:"date-time" doc:"When it was made."`
	CreatedBy  string `json:"created_by" doc:"Who made it."`
}

// NewClaim is the body of POST /claims; it needs a format and a pattern.
type NewClaim struct {
	Repository string `json:"repository,omitempty" empty:"refused" doc:"Where it holds; absent: in every repository, which an administrator of the server may say."`
	Format     string `json:"format,omitempty" doc:"The format of the packages."`
	Pattern    string `json:"pattern,omitempty" doc:"Of the names: '@acme/*' is a scope of npm, 'com.acme.**' a Maven group with those below it; case does not count."`
}

// Origin says where an administrator lets the versions of a package come from.
type Origin struct {
	Origin    string  `json:"origin" enum:"published,upstream,both" doc:"From what is published here, from registries elsewhere, or from both together."`
	Upstream  string  `json:"upstream,omitempty" doc:"Name of the only registry elsewhere that is asked."`
	Reason    string  `json:"reason" doc:"Why."`
	SetAt     string  `json:"set_at" format:"date-time" doc:"When it was set."`
	SetBy     string  `json:"set_by" doc:"Who set it."`
	ExpiresAt *string `json:"expires_at" format:"date-time" doc:"When it ends; null: never."`
}

// OriginChange is the body of PUT …/packages/{format}/{package}/origin; it needs an origin and a reason.
type OriginChange struct {
	Origin    string `json:"origin,omitempty" enum:"published,upstream,both" doc:"From what is published here, from registries elsewhere, or from both together."`
	Upstream  string `json:"upstream,omitempty" empty:"refused" doc:"Name of the only registry elsewhere that is asked; absent: every one."`
	Reason    string `json:"reason,omitempty" doc:"Why, in one line."`
	ExpiresAt string `json:"expires_at,omitempty" format:"date-time" empty:"refused" doc:"When it ends; absent: never."`
}

// Resolution says which places of a repository answer for a package, or for a version of it, and why the others do not.
type Resolution struct {
	Format  string  `json:"format" doc:"The format of the package."`
	Name    string  `json:"name" doc:"Its name."`
	Version string  `json:"version,omitempty" doc:"The version that was asked for."`
	Places  []Place `json:"places" doc:"In the order in which they are asked; those that the caller may not read are left out."`
	Claims  []Claim `json:"claims" doc:"The claims that the name matches."`
	Rules   []Rule  `json:"rules" doc:"The rules that may be about it, as far as you may see them; rules about bytes are not among them."`
	Origin  *Origin `json:"origin" doc:"What an administrator has set for the package; null: nothing."`
}

// Place is one of the places that a repository may answer from.
type Place struct {
	Repository string   `json:"repository" doc:"The repository whose versions it has, or whose upstream it is."`
	Upstream   string   `json:"upstream,omitempty" doc:"Of a registry elsewhere: its name."`
	Kind       string   `json:"kind,omitempty" enum:"published,promoted,cached,remote" doc:"What its versions are: published or promoted there, delivered by registries elsewhere, or listed by one when it was asked last; absent: it has none."`
	Path       []string `json:"path" doc:"Names of the upstreams that lead there; none for the repository itself."`
	Versions   int64    `json:"versions" doc:"How many versions of the package it has that are not deleted."`
	Latest     string   `json:"latest,omitempty" doc:"Its newest one."`
	Answers    bool     `json:"answers" doc:"Whether clients get what it has."`
	Why        string   `json:"why,omitempty" enum:"narrowed,absent,emptied,shadowed,published,claimed,owned,elsewhere,origin,silent" doc:"Why not: the formats or patterns of an upstream on the way leave the name out; it does not have it, or was not asked for it yet; all that it had is deleted; an earlier place answers alone; the name is published here; a claim reserves it; a registry that owns names has it; it stays with the registry that it first came from; an administrator has it come from somewhere else; it does not answer."`
}

// SuggestedClaim is a claim that would reserve names like those that are published.
type SuggestedClaim struct {
	Format   string `json:"format" doc:"The format of the packages."`
	Pattern  string `json:"pattern" doc:"Of the names."`
	Packages int    `json:"packages" doc:"How many published packages it matches that no claim covers."`
	Example  string `json:"example" doc:"The name of one of them."`
}
