#!/usr/bin/env bash
# Builds the S3 server that the tests of storage/s3 run against, at the version pinned in go.mod here. It puts it
# beside the clients' folder, $SLIPWAY_CLIENTS/../tools/versitygw, or into the user's cache, where package s3test looks
# for it, and does nothing when it is there already. The first build takes minutes.
set -euo pipefail

if [ -n "${SLIPWAY_CLIENTS:-}" ]; then
	tools=$(dirname "$SLIPWAY_CLIENTS")/tools
else
	tools=${XDG_CACHE_HOME:-$HOME/.cache}/slipway/tools
fi
mkdir -p "$tools"
tools=$(cd "$tools" && pwd)
cd "$(dirname "$0")"

stamp=$(cat go.mod go.sum <(go version) | cksum)
if [ -x "$tools/versitygw" ] && [ "$(cat "$tools/versitygw.stamp" 2>/dev/null)" = "$stamp" ]; then
	exit 0
fi
new=$(mktemp "$tools/versitygw.XXXXXX")
trap 'rm -f "$new"' EXIT
CGO_ENABLED=0 GOFLAGS=-trimpath go build -ldflags '-s -w' -o "$new" github.com/versity/versitygw/cmd/versitygw
chmod 755 "$new"
mv "$new" "$tools/versitygw"
echo "$stamp" >"$tools/versitygw.stamp"
