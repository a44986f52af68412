# What TestTenants runs: what clients show a caller of a name. Environment: NAME, URL, ADDR, TOKEN, HOME (empty), CLIENTS, NPM, DEPENDENCY_PLUGIN.
# Each command ends with its exit code; none ends the script.
say() {
	echo "== $1"
	shift
	"$@" 2>&1 </dev/null
	echo "exit $?"
}
npm() { node "$CLIENTS/$NPM/node_modules/npm/bin/npm-cli.js" "$@"; }
http() { curl -sS -H "Authorization: Bearer $TOKEN" -w '\n%{http_code}\n' "$@"; }

cd "$HOME"
cat >.npmrc <<-EOF
	registry=$URL/npm/all/
	//$ADDR/npm/all/:_authToken=$TOKEN
	update-notifier=false
	logs-max=0
	fetch-retries=0
EOF
echo '{"name":"app","version":"1.0.0","private":true}' >package.json
say "npm view" npm view "$NAME"
say "npm install" npm install --ignore-scripts --no-audit --no-fund "$NAME"
say "npm search" npm search --json "$NAME"
say "npm dist-tag" npm dist-tag add "$NAME@1.0.0" beta
say "npm deprecate" npm deprecate "$NAME@1.0.0" old
say "npm unpublish" npm unpublish --force "$NAME@1.0.0"
export PYTHONPATH="$CLIENTS/pip-26.3" PIP_CONFIG_FILE=/dev/null
say "pip" python3 -m pip download --no-cache-dir --disable-pip-version-check --no-deps --index-url "http://t:$TOKEN@$ADDR/pypi/all/simple/" "$NAME"
unset PYTHONPATH
mkdir -p .docker && echo "{\"auths\":{\"$ADDR\":{\"auth\":\"$(printf 't:%s' "$TOKEN" | base64 -w0)\"}}}" >.docker/config.json
export REGISTRY_AUTH_FILE="$HOME/.docker/config.json"
image=docker://$ADDR/all/team/$NAME
say "skopeo inspect" skopeo inspect --tls-verify=false "$image:1.0"
say "skopeo list-tags" skopeo list-tags --tls-verify=false "$image"
say "skopeo copy" skopeo --insecure-policy copy --src-tls-verify=false "$image:1.0" "dir:$HOME/image"
say "skopeo delete" skopeo delete --tls-verify=false "$image:1.0"
cat >settings.xml <<-EOF
	<settings><localRepository>$HOME/repository</localRepository>
	<servers><server><id>slipway</id><username>t</username><password>$TOKEN</password></server></servers>
	<mirrors><mirror><id>plugins</id><mirrorOf>*,!slipway</mirrorOf><url>file://$CLIENTS/m2</url></mirror></mirrors></settings>
EOF
cat >pom.xml <<-EOF
	<project><modelVersion>4.0.0</modelVersion><groupId>app</groupId><artifactId>app</artifactId><version>1</version><packaging>pom</packaging>
	<repositories><repository><id>slipway</id><url>$URL/maven/all/</url></repository></repositories>
	<dependencies><dependency><groupId>org.up</groupId><artifactId>$NAME</artifactId><version>1.0</version></dependency></dependencies></project>
EOF
say "mvn" mvn -B -q -s settings.xml -f pom.xml -Duser.home="$HOME" "org.apache.maven.plugins:maven-dependency-plugin:$DEPENDENCY_PLUGIN:resolve"
for path in "maven/all/org/up/$NAME/maven-metadata.xml" "maven/all/org/up/$NAME/1.0/$NAME-1.0.jar" "raw/all/$NAME/1.0/file" "raw/all/$NAME/" "pypi/all/simple/$NAME/" \
	"v2/all/team/$NAME/tags/list" "v2/all/team/$NAME/referrers/sha256:$(printf '%064d' 0)"; do
	say "GET $path" http "$URL/$path"
	say "DELETE $path" http -X DELETE "$URL/$path"
done
for package in "npm/$NAME" "pypi/$NAME" "maven/org.up:$NAME" "oci/team%2F$NAME" "raw/$NAME"; do
	at=$URL/api/v1/repositories/all/packages/$package
	for path in "" /versions /tags /versions/1.0.0 /resolution /tags/production/history; do
		say "API $package $path" http "$at$path"
	done
	say "API $package tag" http -X PUT -d '{"version":"1.0.0"}' "$at/tags/production"
	say "API $package delete" http -X DELETE "$at/versions/1.0.0"
	say "API $package promote" http -d '{"to":"open"}' "$at/versions/1.0.0/promote"
done
for purl in "npm/$NAME@1.0.0" "pypi/$NAME@1.0" "maven/org.up/$NAME@1.0" "generic/$NAME@1.0"; do
	say "API deploy $purl" http -d "{\"environment\":\"prod\",\"service\":\"web\",\"repository\":\"all\",\"purl\":\"pkg:$purl\",\"status\":\"succeeded\"}" "$URL/api/v1/deployments"
done
say "API search" http "$URL/api/v1/versions?q=name:$NAME"
say "API events" http "$URL/api/v1/events?package=$NAME"
say "the page" http "$URL/search?q=$NAME"
