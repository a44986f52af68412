-- When users logged in last: sessions and tokens of logins go, and with them what they would tell.

ALTER TABLE users ADD COLUMN login_at {{int}} NOT NULL DEFAULT 0; -- 0: not since it is noted
