-- Whether an environment has ever got a version from a repository is asked when a caller without the right to tag moves a tag.

CREATE INDEX deployment_repository ON deployment (environment_id, repository_id);
