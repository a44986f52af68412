#!/bin/sh
# Deploys what a tag was set to, on this machine: a folder of files behind a symbolic link, and a process where the package has one.
#
#   slipway events tail --consumer prod-web --types tag.set --exec ./deploy.sh
#
# The package's files go to a folder of their own, releases/<digest>, and the link "current" is moved there in one step. Where the package
# has a start.sh, it is run in its folder and is the service; its former process is ended before. A check.sh beside it says, by exit code 0,
# that the service answers. Only then is the deployment reported as succeeded. When the check fails, the former version is put back, and
# the deployment is reported as failed, with the reason, which is in deploy.log too.
#
# What happened comes in SLIPWAY_EVENT_*. The deployer's own settings:
#   SLIPWAY_SERVER      the server
#   DEPLOY_TOKEN        a token with the rights read and deploy; without it, the login of "slipway login"
#   DEPLOY_ENVIRONMENT  where this machine belongs to (prod)
#   DEPLOY_TAG          the tag that is deployed (production)
#   DEPLOY_SERVICE      the name of the service (the last part of the package's name)
#   DEPLOY_DIR          the folder of all services (./deployed)
#   DEPLOY_CHECK        a command in the place of check.sh, such as: curl -fsS http://127.0.0.1:3000/health
#   DEPLOY_PATIENCE     how many seconds the service may take until it answers (30)
#   DEPLOY_SETTLE       how many seconds a process must go on after it first answered (2)
set -eu
tag=${DEPLOY_TAG:-production}
[ "$SLIPWAY_EVENT_TYPE" = tag.set ] && [ "$SLIPWAY_EVENT_TAG" = "$tag" ] || exit 0
if [ -n "${DEPLOY_TOKEN:-}" ]; then
	export SLIPWAY_TOKEN="$DEPLOY_TOKEN"
fi
environment=${DEPLOY_ENVIRONMENT:-prod}
service=${DEPLOY_SERVICE:-$(printf %s "$SLIPWAY_EVENT_PACKAGE" | sed 's|.*[/:]||')}
mkdir -p "${DEPLOY_DIR:-deployed}/$service/releases"
dir=$(cd "${DEPLOY_DIR:-deployed}/$service" && pwd)
release=releases/$(printf %s "$SLIPWAY_EVENT_DIGEST" | tr -d :)
id=

# One deployment of a service at a time, also when an earlier run of this script outlived the tail that started it.
exec 9>"$dir/lock"
flock 9

say() {
	echo "$(date -u +%FT%TZ) $service: $*" | tee -a "$dir/deploy.log" >&2
}

# patiently runs a command until it succeeds: the server may be away for a moment. It gives up when the server answers and the command
# fails all the same.
patiently() {
	tries=0
	refused=0
	until "$@" 9>&- 2>"$dir/error"; do
		tries=$((tries + 1))
		! slipway health 9>&- >/dev/null 2>&1 || refused=$((refused + 1))
		if [ "$tries" -ge 200 ] || [ "$refused" -ge 5 ]; then
			say "$1 $2: $(tail -n 1 "$dir/error")"
			return 1
		fi
		sleep 0.2
	done
}

report() { # status, id of the deployment, package URL, repository, id of the event, reason
	why=$(printf %s "${6:-}" | LC_ALL=C tr -cd ' -~' | cut -c 1-500)
	patiently slipway deploy record --environment "$environment" --service "$service" --repository "$4" --purl "$3" \
		--status "$1" --external-id "$2" --event-id "$5" ${why:+--reason "$why"} >/dev/null
}

stop() {
	pid=$(cat "$dir/pid" 2>/dev/null || true)
	rm -f "$dir/pid"
	[ -n "$pid" ] && kill -- "-$pid" 2>/dev/null || return 0
	tries=0
	while kill -0 -- "-$pid" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || kill -KILL -- "-$pid" 2>/dev/null || true
		sleep 0.1
	done
}

root() { # the folder of start.sh or check.sh in a release, else the release itself
	found=$(cd "$dir/$1" && find . -name start.sh -o -name check.sh | head -n 1)
	(cd "$dir/$1" && cd "$(dirname "${found:-.}")" && pwd)
}

switch() { # makes a release the current one, in one step, and starts its process
	stop
	ln -sfn "$1" "$dir/next"
	mv -T "$dir/next" "$dir/current"
	if at=$(root "$1") && [ -f "$at/start.sh" ]; then
		(cd "$at" && DEPLOY_STATE=$dir exec setsid sh ./start.sh) </dev/null >>"$dir/service.log" 2>&1 9>&- &
		echo $! >"$dir/pid"
	fi
}

answers() { # whether the current release is this one and does what it is for
	[ "$(readlink "$dir/current")" = "$1" ] || return 1
	at=$(root "$1")
	if [ -f "$at/start.sh" ]; then
		pid=$(cat "$dir/pid" 2>/dev/null || true)
		[ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || return 1
	fi
	if [ -n "${DEPLOY_CHECK:-}" ]; then
		(cd "$at" && DEPLOY_STATE=$dir sh -c "$DEPLOY_CHECK") >"$dir/check" 2>&1 9>&-
	elif [ -f "$at/check.sh" ]; then
		(cd "$at" && DEPLOY_STATE=$dir sh ./check.sh) >"$dir/check" 2>&1 9>&-
	else
		[ ! -f "$at/start.sh" ] && [ -n "$(ls -A "$dir/current/")" ]
	fi
}

settled() { # whether a release answers, and still does after a while: a process may end right after it started
	answers "$1" || return 1
	[ -f "$(root "$1")/start.sh" ] || return 0
	sleep "${DEPLOY_SETTLE:-2}"
	answers "$1"
}

works() { # waits until a release answers
	tries=0
	until settled "$1"; do
		tries=$((tries + 1))
		[ "$tries" -lt $((${DEPLOY_PATIENCE:-30} * 5)) ] || return 1
		sleep 0.2
	done
}

reason() { # why the release does not work
	at=$(root "$release")
	pid=$(cat "$dir/pid" 2>/dev/null || true)
	if [ -s "$dir/check" ]; then
		echo "it does not answer: $(tail -n 1 "$dir/check")"
	elif [ -f "$at/start.sh" ] && ! { [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }; then
		echo "its process has ended, see $dir/service.log"
	elif [ -f "$dir/check" ]; then
		echo "it does not answer: its check failed without a word"
	else
		echo "it does not answer: no check.sh and no DEPLOY_CHECK tell whether it does"
	fi
}

# end reports how the deployment ended. A deployment is noted in "pending" while it runs, so that the next run can end it when this one was
# killed with kill -9 or the power failed.
end() {
	report "$1" "$id" "$SLIPWAY_EVENT_PURL" "$SLIPWAY_EVENT_REPOSITORY" "$SLIPWAY_EVENT_ID" "${2:-}" || return 1
	rm -f "$dir/pending"
	id=
}

# failed puts back what ran before, and reports the deployment as failed.
failed() {
	say "failed: $SLIPWAY_EVENT_PURL: $1"
	if [ "$(readlink "$dir/current" || true)" = "$release" ]; then
		before=$(cat "$dir/before" 2>/dev/null || true)
		if [ -n "$before" ] && [ -d "$dir/$before" ]; then
			switch "$before"
			if works "$before"; then say "$before runs again"; else say "$before does not answer either"; fi
		else
			stop
			rm -f "$dir/current"
		fi
	fi
	end failed "$1"
}

interrupted() {
	trap - HUP INT TERM EXIT
	[ -z "$id" ] || failed "the deployer was ended by $1" || true
	exit 1
}
trap 'interrupted "a signal"' HUP INT TERM
trap 'interrupted "an error: $(tail -n 1 "$dir/error" 2>/dev/null)"' EXIT

done_() {
	trap - HUP INT TERM EXIT
	exit "$1"
}

# A deployment that an earlier run left without an end.
if [ -f "$dir/pending" ]; then
	read -r left event purl repository <"$dir/pending"
	if [ "$event" = "$SLIPWAY_EVENT_ID" ] && answers "$release"; then
		id=$left
		end succeeded
		echo "$SLIPWAY_EVENT_ID" >"$dir/deployed"
	else
		say "failed: $purl: the deployer was killed"
		report failed "$left" "$purl" "$repository" "$event" "the deployer was killed" || say "its end is on record already"
		rm -f "$dir/pending"
	fi
fi

# An event can come again, also after a newer one: what the tag names now decides.
now() {
	slipway tag show "$SLIPWAY_EVENT_REPOSITORY" "$SLIPWAY_EVENT_FORMAT" "$SLIPWAY_EVENT_PACKAGE" "$tag" --output json >"$dir/tag.json"
}
patiently now
grep -q "\"version\": \"$SLIPWAY_EVENT_VERSION\"" "$dir/tag.json" || done_ 0
[ "$(cat "$dir/deployed" 2>/dev/null)" != "$SLIPWAY_EVENT_ID" ] || done_ 0

pull() {
	rm -rf "$dir/new"
	mkdir "$dir/new"
	case $SLIPWAY_EVENT_FORMAT in
	oci)
		image=${SLIPWAY_SERVER#*://}/$SLIPWAY_EVENT_REPOSITORY/$SLIPWAY_EVENT_PACKAGE@$SLIPWAY_EVENT_DIGEST
		crane export "$image" "$dir/image.tar" && tar -xf "$dir/image.tar" -C "$dir/new"
		;;
	*)
		slipway pull "$SLIPWAY_EVENT_REPOSITORY" "$SLIPWAY_EVENT_FORMAT" "$SLIPWAY_EVENT_PACKAGE" "$SLIPWAY_EVENT_VERSION" \
			--digest "$SLIPWAY_EVENT_DIGEST" --dir "$dir/new" >/dev/null
		;;
	esac
}

unpack() {
	find "$dir/new" -maxdepth 3 \( -name '*.tgz' -o -name '*.tar.gz' \) -exec tar -xzf {} -C "$dir/new" \;
	find "$dir/new" -maxdepth 3 \( -name '*.whl' -o -name '*.jar' -o -name '*.zip' \) -exec python3 -m zipfile -e {} "$dir/new" \;
}

# The deployment's own id: a retry of an event that failed is another deployment.
id=$SLIPWAY_EVENT_ID-$(date -u +%s)-$$
echo "$id $SLIPWAY_EVENT_ID $SLIPWAY_EVENT_PURL $SLIPWAY_EVENT_REPOSITORY" >"$dir/pending"
report running "$id" "$SLIPWAY_EVENT_PURL" "$SLIPWAY_EVENT_REPOSITORY" "$SLIPWAY_EVENT_ID"
if ! patiently pull || ! unpack 2>"$dir/error"; then
	failed "it can't be pulled: $(tail -n 1 "$dir/error")"
	done_ 0
fi
if [ "$(readlink "$dir/current" || true)" != "$release" ]; then
	readlink "$dir/current" >"$dir/before" || true
	rm -rf "${dir:?}/$release"
	mv "$dir/new" "$dir/$release"
fi
rm -f "$dir/check"
switch "$release"
if works "$release"; then
	end succeeded
	echo "$SLIPWAY_EVENT_ID" >"$dir/deployed"
	say "succeeded: $SLIPWAY_EVENT_PURL"
	(cd "$dir/releases" && ls -t | tail -n +6 | while read -r old; do [ "releases/$old" = "$release" ] || rm -rf "./$old"; done)
else
	failed "$(reason)"
fi
done_ 0
