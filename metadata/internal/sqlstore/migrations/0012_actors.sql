-- What a token did was shown as its user's. From now on rows say "token ci of user admin"; those of before learn it from the
-- stable ids that are stored with them or with their log entries.

{{sqlite}}UPDATE version SET published_by = (SELECT 'token ' || t.name || ' of user ' || u.name FROM token t JOIN users u ON u.id = t.user_id
		WHERE t.id = CAST(substr(version.publisher_id, 7) AS {{int}}))
	WHERE publisher_id LIKE 'token:%' AND EXISTS (SELECT 1 FROM token t WHERE t.id = CAST(substr(version.publisher_id, 7) AS {{int}}));
{{end}}
{{sqlite}}UPDATE tag SET set_by = (SELECT 'token ' || t.name || ' of user ' || u.name
		FROM log_entry l JOIN token t ON t.id = CAST(substr(l.actor_id, 7) AS {{int}}) JOIN users u ON u.id = t.user_id WHERE l.seq = tag.seq_from)
	WHERE EXISTS (SELECT 1 FROM log_entry l JOIN token t ON t.id = CAST(substr(l.actor_id, 7) AS {{int}})
		WHERE l.seq = tag.seq_from AND l.actor_type = 'token');
{{end}}
{{sqlite}}UPDATE deployment SET created_by = (SELECT 'token ' || t.name || ' of user ' || u.name
		FROM log_entry l JOIN token t ON t.id = CAST(substr(l.actor_id, 7) AS {{int}}) JOIN users u ON u.id = t.user_id WHERE l.seq = deployment.seq)
	WHERE EXISTS (SELECT 1 FROM log_entry l JOIN token t ON t.id = CAST(substr(l.actor_id, 7) AS {{int}})
		WHERE l.seq = deployment.seq AND l.actor_type = 'token');
{{end}}
{{sqlite}}UPDATE deployment SET updated_by = (SELECT 'token ' || t.name || ' of user ' || u.name
		FROM log_entry l JOIN token t ON t.id = CAST(substr(l.actor_id, 7) AS {{int}}) JOIN users u ON u.id = t.user_id WHERE l.seq = deployment.last_seq)
	WHERE EXISTS (SELECT 1 FROM log_entry l JOIN token t ON t.id = CAST(substr(l.actor_id, 7) AS {{int}})
		WHERE l.seq = deployment.last_seq AND l.actor_type = 'token');
{{end}}
{{sqlite}}UPDATE deployment_report SET reported_by = (SELECT 'token ' || t.name || ' of user ' || u.name
		FROM log_entry l JOIN token t ON t.id = CAST(substr(l.actor_id, 7) AS {{int}}) JOIN users u ON u.id = t.user_id WHERE l.seq = deployment_report.seq)
	WHERE EXISTS (SELECT 1 FROM log_entry l JOIN token t ON t.id = CAST(substr(l.actor_id, 7) AS {{int}})
		WHERE l.seq = deployment_report.seq AND l.actor_type = 'token');
{{end}}
{{sqlite}}UPDATE subscription SET owner = (SELECT 'token ' || t.name || ' of user ' || u.name FROM token t JOIN users u ON u.id = t.user_id
		WHERE t.id = CAST(substr(subscription.owner_id, 7) AS {{int}}))
	WHERE owner_id LIKE 'token:%' AND EXISTS (SELECT 1 FROM token t WHERE t.id = CAST(substr(subscription.owner_id, 7) AS {{int}}));
{{end}}