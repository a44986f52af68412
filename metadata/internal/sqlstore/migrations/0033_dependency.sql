-- What versions declare that they need, so that a package can name who needs it. A background duty fills it from the log.

CREATE TABLE dependency (
	format      {{text}} NOT NULL,
	name        {{text}} NOT NULL, -- key of the package that is needed
	package_id  {{int}} NOT NULL, -- that needs it
	version_id  {{int}} NOT NULL,
	scope       {{text}} NOT NULL,
	requirement {{text}} NOT NULL,
	PRIMARY KEY (format, name, package_id, version_id, scope)
){{rowless}};
CREATE INDEX dependency_version ON dependency (version_id);
