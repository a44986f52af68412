#!/bin/bash
# For compose.yaml. In the first server's container it runs once, when the database is made, and lets another server follow. "follow HOST"
# is the other server: it copies the database of HOST at its first start, and then has every commit of it.
set -euo pipefail
if [ "${1:-}" != follow ]; then
	echo "host replication $POSTGRES_USER all scram-sha-256" >>"$PGDATA/pg_hba.conf"
	exit 0
fi
mkdir -p "$PGDATA"
chown -R postgres "$(dirname "$PGDATA")"
chmod 700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	gosu postgres pg_basebackup -d "host=$2 user=$POSTGRES_USER application_name=standby" -D "$PGDATA" -R -X stream -C -S standby
fi
exec gosu postgres postgres
