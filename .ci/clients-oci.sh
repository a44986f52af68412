#!/usr/bin/env bash
# Installs the container tools that tests drive: skopeo, buildah, podman and Docker's daemon and command line from Debian,
# crane, regctl and oras built at the versions pinned in oci/go.mod, into $SLIPWAY_CLIENTS (.cache/clients without it). With LONG
# set, it also builds what takes minutes: the oldest of these in use (oci/old), Helm (oci/long), and cosign (oci/cosign, oci/cosign2). What is
# there already is left alone.
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
new=$(mktemp -d "$dir/.build.XXXXXX")
trap 'rm -rf "$new"' EXIT

# build <folder> <stamp> <name>=<package>[=<variable>]…: builds the packages at the versions of the folder's go.mod, unless the
# programs are there and the stamp says that they are of these versions. The variable is where a program has its version.
build() {
	local folder=$1 stamp=$2 sum client name package variable version fresh=
	shift 2
	cd "$here/$folder"
	sum=$(cat go.mod go.sum <(go version) | cksum)
	[ "$(cat "$dir/$stamp" 2>/dev/null)" = "$sum" ] || fresh=no
	for client in "$@"; do
		[ -x "$dir/${client%%=*}" ] || fresh=no
	done
	[ "$fresh" = no ] || return 0
	for client in "$@"; do
		IFS== read -r name package variable <<<"$client"
		version=$(go list -f '{{.Module.Version}}' "$package")
		echo "clients-oci.sh: $name $version"
		CGO_ENABLED=0 GOFLAGS=-trimpath go build -ldflags "-s -w ${variable:+-X $variable=$version}" -o "$new/$name" "$package"
		mv "$new/$name" "$dir/$name"
	done
	echo "$sum" >"$dir/$stamp"
}

crane=github.com/google/go-containerregistry/cmd/crane
regctl=github.com/regclient/regclient/cmd/regctl
build oci stamp "crane=$crane" "regctl=$regctl" oras=oras.land/oras/cmd/oras
[ -n "${LONG:-}" ] || exit 0
build oci/old stamp-old "crane-old=$crane=$crane/cmd.Version" "regctl-old=$regctl=github.com/regclient/regclient/internal/version.vcsTag" \
	oras-old=oras.land/oras/cmd/oras
build oci/long stamp-long helm=helm.sh/helm/v4/cmd/helm=helm.sh/helm/v4/internal/version.version \
	helm-3=helm.sh/helm/v3/cmd/helm=helm.sh/helm/v3/internal/version.version
build oci/cosign stamp-cosign cosign=github.com/sigstore/cosign/v3/cmd/cosign=sigs.k8s.io/release-utils/version.gitVersion
build oci/cosign2 stamp-cosign2 cosign-2=github.com/sigstore/cosign/v2/cmd/cosign=sigs.k8s.io/release-utils/version.gitVersion
