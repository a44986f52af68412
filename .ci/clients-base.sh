#!/usr/bin/env bash
# Installs the small tools that tests call, from Debian's packages, where one is missing.
set -euo pipefail
missing=()
for tool in curl wget strace; do
	command -v "$tool" >/dev/null || missing+=("$tool")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "clients-base.sh: ${missing[*]} are not installed, and only root on Debian can do it here" >&2
	exit 1
fi
echo "clients-base.sh: ${missing[*]}"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
