#!/usr/bin/env bash
# Installs what the tests of the OpenAPI document use, a generator of clients and a validator, in pinned versions with pinned
# dependencies, into $SLIPWAY_CLIENTS (.cache/clients without it). What is there already is left alone. Needs python3 (3.10 or
# newer) with pip.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}
python=${PYTHON:-python3}
name=openapi-0.29.1

"$python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
	{ echo "clients-openapi.sh: $python must be 3.10 or newer, with pip (Debian: python3-pip)" >&2; exit 1; }
[ ! -e "$dir/$name" ] || exit 0
echo "clients-openapi.sh: $name"
mkdir -p "$dir"
tmp=$(mktemp -d "$dir/.install.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --root-user-action ignore --target "$tmp" \
	--requirement "$top/.ci/pypi/$name.txt"
chmod 755 "$tmp"
[ -e "$dir/$name" ] || mv "$tmp" "$dir/$name" # it is there if another run was faster
