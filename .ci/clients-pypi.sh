#!/usr/bin/env bash
# Installs the Python clients that tests drive, each in one pinned version with pinned dependencies, into $SLIPWAY_CLIENTS
# (.cache/clients without it). What is there already is left alone. Needs python3 (3.10 or newer) with pip and venv.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}
python=${PYTHON:-python3}

newest=26.3
# The first of these that runs on this Python stands for the oldest clients in use.
oldest=(19.2.3 20.3.4 22.0.4 23.2.1)

command -v "$python" >/dev/null || { echo "clients-pypi.sh: $python is not installed" >&2; exit 1; }
"$python" -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
	{ echo "clients-pypi.sh: $python must be 3.10 or newer, with pip and venv (Debian: python3-pip python3-venv)" >&2; exit 1; }
mkdir -p "$dir"

tmp=
trap 'rm -rf "$tmp"' EXIT

# install <folder> <pip arguments>: into $dir/<folder>, a directory of modules. Every dependency is named, so none is chosen.
install() {
	local to=$dir/$1
	shift
	[ ! -e "$to" ] || return 0
	echo "clients-pypi.sh: ${to##*/}"
	tmp=$(mktemp -d "$dir/.install.XXXXXX")
	"$python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --root-user-action ignore --target "$tmp" "$@"
	chmod 755 "$tmp"
	[ -e "$to" ] || mv "$tmp" "$to" # it is there if another run was faster
}

install "pip-$newest" "pip==$newest"
for v in "${oldest[@]}"; do
	install "pip-$v" "pip==$v"
	! "$python" "$dir/pip-$v/pip" --version >/dev/null 2>&1 || break
	echo "clients-pypi.sh: pip $v does not run on this Python" >&2
	rm -rf "$dir/pip-$v"
done
install uv-0.13.8 uv==0.13.8
for client in twine-6.1.0 twine-7.0.0 poetry-2.5.1; do
	install "$client" --requirement "$top/.ci/pypi/$client.txt"
done
