#!/usr/bin/env bash
# Installs the container tools that tests drive: skopeo, buildah, podman and Docker's daemon and command line from Debian,
# crane, regctl and oras built at the versions pinned in oci/go.mod, into $SLIPWAY_CLIENTS (.cache/clients without it). What is there already
# is left alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${SLIPWAY_CLIENTS:-$here/../.cache/clients}

missing=()
for tool in skopeo:skopeo buildah:buildah podman:podman dockerd:docker.io; do
	command -v "${tool%%:*}" >/dev/null || missing+=("${tool##*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "clients-oci.sh: ${missing[*]} are not installed, and only root on Debian can do it here" >&2
		exit 1
	fi
	echo "clients-oci.sh: ${missing[*]}"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

mkdir -p "$dir/oci"
cd "$dir/oci"
dir=$PWD
cd "$here/oci"
stamp=$(cat go.mod go.sum <(go version) | cksum)
if [ -x "$dir/crane" ] && [ -x "$dir/regctl" ] && [ -x "$dir/oras" ] && [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ]; then
	exit 0
fi
new=$(mktemp -d "$dir/.build.XXXXXX")
trap 'rm -rf "$new"' EXIT
echo "clients-oci.sh: crane, regctl, oras"
CGO_ENABLED=0 GOFLAGS='' go build -ldflags '-s -w' -o "$new/" github.com/google/go-containerregistry/cmd/crane github.com/regclient/regclient/cmd/regctl oras.land/oras/cmd/oras
mv "$new/crane" "$new/regctl" "$new/oras" "$dir/"
echo "$stamp" >"$dir/stamp"
