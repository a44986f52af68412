#!/usr/bin/env bash
# Installs the package managers that tests drive, each in one pinned version, into $SLIPWAY_CLIENTS (.cache/clients without
# it). What is there already is left alone, so a second run takes no time and no network. Needs node and npm.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}

for tool in node npm; do
	command -v "$tool" >/dev/null || { echo "clients.sh: $tool is not installed; the tests of npm clients need Node.js 20 or newer" >&2; exit 1; }
done
mkdir -p "$dir"

tmp=
trap 'rm -rf "$tmp"' EXIT

# install <package> <version>: into $dir/<package without its scope>-<version>/node_modules/<package>.
install() {
	local to=$dir/${1##*/}-$2
	[ ! -e "$to" ] || return 0
	echo "clients.sh: $1 $2"
	tmp=$(mktemp -d "$dir/.install.XXXXXX")
	npm install --prefix "$tmp" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error "$1@$2" >/dev/null
	chmod 755 "$tmp"
	[ -e "$to" ] || mv "$tmp" "$to" # it is there if another run was faster
}

install npm 8.19.4
install npm 10.9.9
install npm 11.19.1
install pnpm 10.34.9
install yarn 1.22.22
install @yarnpkg/cli-dist 4.18.1
