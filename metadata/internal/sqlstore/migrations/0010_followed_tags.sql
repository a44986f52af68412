-- Which environments follow a tag is asked when a caller without the right to tag moves it.

CREATE INDEX environment_state_tag ON environment_state (tag, environment_id);
