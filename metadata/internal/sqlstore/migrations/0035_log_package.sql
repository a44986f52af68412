-- Entries of the log by package, for the page of what happened to one, and repositories by name, deleted ones too.

CREATE INDEX log_entry_package ON log_entry (package_id);
CREATE INDEX repository_named ON repository (name);
