-- What versions declare that they need, so that a package can name who needs it. A background duty fills it from the log.

CREATE TABLE dependency (
	format      TEXT NOT NULL,
	name        TEXT NOT NULL, -- key of the package that is needed
	package_id  INTEGER NOT NULL, -- that needs it
	version_id  INTEGER NOT NULL,
	scope       TEXT NOT NULL,
	requirement TEXT NOT NULL,
	PRIMARY KEY (format, name, package_id, version_id, scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependency_version ON dependency (version_id);
