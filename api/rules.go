package api

// Rule says what becomes of versions or bytes that it matches. The first rule that matches decides, those of the whole server first.
type Rule struct {
	ID         string  `json:"id" doc:"Its id."`
	Repository string  `json:"repository,omitempty" doc:"Where it holds; absent: in every repository."`
	Action     string  `json:"action" enum:"allow,deny,hide,hold,pin" doc:"Allow: shown and served, also if an upstream's minimum age would hold it. Deny: neither. Hide: served by its exact name, not shown. Hold: neither until it is old enough. Pin: never evicted."`
	Match      string  `json:"match" doc:"A glob over package URLs, with versions: 'pkg:npm/lodash@<4.17.21'; or the digest of bytes: 'sha256:…'."`
	MinAge     string  `json:"min_age,omitempty" doc:"Of hold: how old a version must be, as in '72h0m0s'."`
	Reason     string  `json:"reason" doc:"Why; clients are shown it."`
	Mode       string  `json:"mode" enum:"enforce,audit" doc:"With audit, what the rule would refuse is recorded, and served."`
	ExpiresAt  *string `json:"expires_at" format:"date-time" doc:"When it ends; null: never."`
	CreatedAt  string  `json:"created_at" format:"date-time" doc:"When it was made."`
	CreatedBy  string  `json:"created_by" doc:"Who made it."`
}

// NewRule is the body of POST /rules; it needs an action, a match and a reason.
type NewRule struct {
	Repository string `json:"repository,omitempty" empty:"refused" doc:"Where it holds; absent: in every repository, which an administrator of the server may say."`
	Action     string `json:"action,omitempty" enum:"allow,deny,hide,hold,pin" doc:"What becomes of what it matches."`
	Match      string `json:"match,omitempty" doc:"A glob over package URLs, with a version or a range, such as 'pkg:npm/lodash@<4.17.21', 'pkg:pypi/*' or 'pkg:maven/com.acme/*@>=1.0,<2.0'; 'pkg:*' is everything; or 'sha256:…'."`
	MinAge     string `json:"min_age,omitempty" empty:"refused" doc:"Of hold: how old a version must be, such as '72h'."`
	Reason     string `json:"reason,omitempty" doc:"Why, in one line; clients are shown it."`
	Mode       string `json:"mode,omitempty" enum:"enforce,audit" doc:"Absent: enforce."`
	ExpiresAt  string `json:"expires_at,omitempty" format:"date-time" empty:"refused" doc:"When it ends; absent: never."`
	First      bool   `json:"first,omitempty" doc:"Put it in front of the others of the same place, not behind them."`
}

// Simulation is the body of POST /rules/simulate.
type Simulation struct {
	Rules []NewRule `json:"rules,omitempty" doc:"The rules to try beside those that there are."`
	Since string    `json:"since,omitempty" format:"date-time" empty:"refused" doc:"From when on; absent: 30 days ago."`
	After string    `json:"after,omitempty" empty:"refused" doc:"The next of the page before; since does not count then."`
	Limit int       `json:"limit,omitempty" doc:"How many changes at most; absent, and more than that: 1000."`
}

// Simulated is a file that would have been refused, or served, when it was first asked for.
type Simulated struct {
	Repository string  `json:"repository" doc:"The repository that has it."`
	PURL       string  `json:"purl" doc:"The version."`
	Path       string  `json:"path,omitempty" doc:"The file, of one that came from an upstream."`
	At         string  `json:"at" format:"date-time" doc:"When it came, or was published."`
	By         string  `json:"by" doc:"Who asked for it first, or published it."`
	Before     string  `json:"before" enum:"allow,hide,hold,deny" doc:"What the present rules say of that moment."`
	After      string  `json:"after" enum:"allow,hide,hold,deny" doc:"What they would say with the new ones."`
	Reason     string  `json:"reason,omitempty" doc:"Why."`
	Until      *string `json:"until" format:"date-time" doc:"Of hold: until when; null: it does not end by itself."`
}

// Why explains a refusal.
type Why struct {
	RequestID  string  `json:"request_id" doc:"The request under which it is kept: the first of several within an hour."`
	At         string  `json:"at" format:"date-time" doc:"When."`
	Repository string  `json:"repository" doc:"The repository that was asked."`
	Subject    string  `json:"subject" doc:"What was refused: a package URL, or a digest."`
	Caller     string  `json:"caller" doc:"Who asked."`
	Outcome    string  `json:"outcome" enum:"deny,hold,hide" doc:"What was decided."`
	Mode       string  `json:"mode" enum:"enforce,audit" doc:"With audit it was served all the same."`
	Reason     string  `json:"reason" doc:"Why."`
	Until      *string `json:"until" format:"date-time" doc:"When it ends by itself; null: it does not."`
	Rule       *Rule   `json:"rule" doc:"The rule; null: the minimum age of an upstream, or the rule is gone."`
	Exemption  string  `json:"exemption" doc:"How an administrator lets it through."`
}
