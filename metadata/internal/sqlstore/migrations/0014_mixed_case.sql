-- A new package whose name differs from another one only in the case of letters is refused where the format says so. Names with
-- capitals are few, so only they are in the index.

CREATE INDEX package_mixed_case ON package (repository_id, format, lower(key)) WHERE key <> lower(key);
