#!/bin/sh
# Deploys what a tag was set to: pulls it by its digest, replaces the running process, reports to the server.
# SLIPWAY_EVENT_* say what happened; DEPLOY_ENVIRONMENT, DEPLOY_DIR and DEPLOY_TOKEN are the deployer's own.
set -eu
[ "$SLIPWAY_EVENT_TYPE" = tag.set ] && [ "$SLIPWAY_EVENT_TAG" = production ] || exit 0
export SLIPWAY_TOKEN="$DEPLOY_TOKEN"
service=$SLIPWAY_EVENT_FORMAT
dir=$DEPLOY_DIR/$service
new=$dir/$(printf %s "$SLIPWAY_EVENT_DIGEST" | tr -d :)
mkdir -p "$new"

# The server may be away for a moment.
patiently() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || exit 1
		sleep 0.2
	done
}

report() {
	patiently slipway deploy record --environment "$DEPLOY_ENVIRONMENT" --service "$service" --repository "$SLIPWAY_EVENT_REPOSITORY" \
		--purl "$SLIPWAY_EVENT_PURL" --status "$1" --external-id "$SLIPWAY_EVENT_ID" --event-id "$SLIPWAY_EVENT_ID" >/dev/null
}

# An event can come again, also after a newer one: what the tag names now decides.
current() {
	slipway tag show "$SLIPWAY_EVENT_REPOSITORY" "$SLIPWAY_EVENT_FORMAT" "$SLIPWAY_EVENT_PACKAGE" production --output json >"$dir/tag.json"
}
patiently current
grep -q "\"version\": \"$SLIPWAY_EVENT_VERSION\"" "$dir/tag.json" || exit 0
if [ "$(cat "$dir/deployed" 2>/dev/null)" = "$SLIPWAY_EVENT_ID" ]; then
	report succeeded
	exit 0
fi

report running
case $SLIPWAY_EVENT_FORMAT in
oci)
	image=${SLIPWAY_SERVER#http://}/$SLIPWAY_EVENT_REPOSITORY/$SLIPWAY_EVENT_PACKAGE@$SLIPWAY_EVENT_DIGEST
	patiently crane export "$image" "$new/image.tar"
	tar -xf "$new/image.tar" -C "$new"
	;;
*)
	patiently slipway pull "$SLIPWAY_EVENT_REPOSITORY" "$SLIPWAY_EVENT_FORMAT" "$SLIPWAY_EVENT_PACKAGE" "$SLIPWAY_EVENT_VERSION" \
		--digest "$SLIPWAY_EVENT_DIGEST" --dir "$new" >/dev/null
	find "$new" -name '*.tgz' -exec tar -xzf {} -C "$new" \;
	find "$new" \( -name '*.whl' -o -name '*.jar' -o -name '*.zip' \) -exec python3 -m zipfile -e {} "$new" \;
	;;
esac

app=$(find "$new" -name app.sh | head -n 1)
old=$(cat "$dir/pid" 2>/dev/null || true)
setsid sh "$app" "$dir/says" </dev/null >/dev/null 2>&1 &
echo $! >"$dir/pid"
[ -z "$old" ] || kill "$old" 2>/dev/null || true
healthy() { [ "$(cat "$dir/says" 2>/dev/null)" = "$(sed -n 's/^# says //p' "$app")" ]; }
patiently healthy
echo "$SLIPWAY_EVENT_ID" >"$dir/deployed"
report succeeded
