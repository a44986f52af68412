#!/usr/bin/env bash
# Installs the browser in which tests look at the front page, Debian's chromium, where it is missing.
set -euo pipefail
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "clients-browser.sh: chromium is not installed, and only root on Debian can do it here" >&2
	exit 1
fi
echo "clients-browser.sh: chromium"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
