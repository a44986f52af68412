#!/usr/bin/env bash
# Installs the Python clients that tests drive, and what the tests of the OpenAPI document use, a generator of clients and a
# validator, and with LONG=1 what compares manifests with the schemas of Kubernetes, each in one pinned version with pinned dependencies, into $SLIPWAY_CLIENTS (.cache/clients without it). What is
# there already is left alone. Needs python3 (3.10 or newer) with pip and venv.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}
python=${PYTHON:-python3}

pips=(26.3 23.3.2 21.3.1)
# The first of these that runs on this Python stands for the oldest clients in use.
oldest=(19.2.3 20.3.4 22.0.4 23.2.1)
uv=0.13.8

command -v "$python" >/dev/null || { echo "clients-pypi.sh: $python is not installed" >&2; exit 1; }
"$python" -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
	{ echo "clients-pypi.sh: $python must be 3.10 or newer, with pip and venv (Debian: python3-pip python3-venv)" >&2; exit 1; }
python=$("$python" -c 'import sys; print(sys.executable)')
mkdir -p "$dir"
tmp=$(mktemp -d "$dir/.install.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# Every dependency is named, so none is chosen.
plainly=(--quiet --no-deps --only-binary :all:)

# place <folder>: moves a directory of modules to $dir.
place() {
	chmod 755 "$tmp/$1"
	[ -e "$dir/$1" ] || mv "$tmp/$1" "$dir/$1" # it is there if another run was faster
}

if [ ! -e "$dir/uv-$uv" ]; then
	echo "clients-pypi.sh: uv-$uv"
	"$python" -m pip install "${plainly[@]}" --disable-pip-version-check --root-user-action ignore --target "$tmp/uv-$uv" "uv==$uv"
	place "uv-$uv"
fi

# The others are installed by uv, which needs a tenth of pip's time, from the index that is configured for pip.
[ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}
export UV_CACHE_DIR=$tmp/cache UV_PYTHON_DOWNLOADS=never

# fetch <folder> <arguments>: into $dir/<folder>, what is missing.
fetch() {
	[ ! -e "$dir/$1" ] || return 0
	echo "clients-pypi.sh: $1"
	"$dir/uv-$uv/bin/uv" pip install "${plainly[@]}" --python "$python" --target "$tmp/$1" "${@:2}"
	place "$1"
}

jobs=()
for v in "${pips[@]}"; do
	fetch "pip-$v" "pip==$v" & jobs+=($!)
done
for pins in "$top"/.ci/pypi/*.txt ${LONG:+"$top"/.ci/pypi/long/*.txt}; do
	fetch "$(basename "$pins" .txt)" --requirement "$pins" & jobs+=($!)
done
for v in "${oldest[@]}"; do
	fetch "pip-$v" "pip==$v"
	! "$python" "$dir/pip-$v/pip" --version >/dev/null 2>&1 || break
	echo "clients-pypi.sh: pip $v does not run on this Python" >&2
	rm -rf "$dir/pip-$v"
done
for job in "${jobs[@]}"; do
	wait "$job"
done
