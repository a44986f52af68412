#!/usr/bin/env bash
# Installs the small tools that tests call, from Debian's packages, where one is missing; and nginx into $SLIPWAY_CLIENTS, without its
# service.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}
missing=()
for tool in curl wget strace; do
	command -v "$tool" >/dev/null || missing+=("$tool")
done
[ ${#missing[@]} -gt 0 ] || [ ! -e "$dir/nginx" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "clients-base.sh: ${missing[*]} nginx are not installed, and only root on Debian can do it here" >&2
	exit 1
fi
echo "clients-base.sh: ${missing[*]} nginx"
apt-get update -qq
if [ ${#missing[@]} -gt 0 ]; then
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
mkdir -p "$dir"
tmp=$(mktemp -d "$dir/.nginx.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
(cd "$tmp" && apt-get -o APT::Sandbox::User=root -qq download nginx && dpkg -x nginx_*.deb files)
[ -e "$dir/nginx" ] || mv "$tmp/files" "$dir/nginx"
