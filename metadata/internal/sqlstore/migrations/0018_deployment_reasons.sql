-- A report of a deployment says why: a failed deployment why it failed. Reports of before say nothing.

ALTER TABLE deployment ADD COLUMN reason {{text}} NOT NULL DEFAULT '';
ALTER TABLE deployment_report ADD COLUMN reason {{text}} NOT NULL DEFAULT '';
