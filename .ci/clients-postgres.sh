#!/usr/bin/env bash
# Installs the PostgreSQL server that tests start for themselves, Debian's, where none is installed.
set -euo pipefail
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "clients-postgres.sh: PostgreSQL is not installed, and only root on Debian can do it here" >&2
	exit 1
fi
echo "clients-postgres.sh: postgresql"
apt-get update -qq
# Debian makes and starts a server of its own at the installation, which nothing here needs.
mkdir -p /etc/postgresql-common/createcluster.d
echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/slipway.conf
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
