-- Searches by a part of a package's name pass through this index alone. Names never change, so only the first version of a package pays for it.
CREATE INDEX package_names ON package (name, key);
