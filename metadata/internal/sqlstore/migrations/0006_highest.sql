-- The version that is shown as the newest is the last one here, whatever lies below it: prereleases, yanked ones, tombstones.

CREATE INDEX version_highest ON version (package_id, (prerelease = 0 AND state <> 'yanked'), sort_key, name) WHERE state <> 'deleted';
