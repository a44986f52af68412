# What TestOffline runs. Environment: ROLE, SLIPWAY, DATA, ADDR, HOME (empty), CLIENTS, TOKEN, UNCACHED.
set -eu
URL=http://$ADDR

# install gets what the mirrors have with each client, from empty client caches.
install() {
	mkdir "$HOME/npm" && cd "$HOME/npm"
	echo '{"name":"app","version":"1.0.0","private":true}' >package.json
	npm_config_registry=$URL/npm/mirror/ npm_config_update_notifier=false npm install --ignore-scripts --no-audit --no-fund pad
	PYTHONPATH=$CLIENTS/pip-26.3 python3 -m pip install --disable-pip-version-check --no-deps --target "$HOME/python" --index-url "$URL/pypi/mirror-pypi/simple/" pad
	cat >"$HOME/settings.xml" <<-EOF
		<settings><localRepository>$HOME/repository</localRepository>
		<mirrors><mirror><id>plugins</id><mirrorOf>*,!slipway</mirrorOf><url>file://$CLIENTS/m2</url></mirror></mirrors></settings>
	EOF
	cat >"$HOME/pom.xml" <<-EOF
		<project><modelVersion>4.0.0</modelVersion><groupId>app</groupId><artifactId>app</artifactId><version>1</version><packaging>pom</packaging>
		<repositories><repository><id>slipway</id><url>$URL/maven/mirror-maven/</url></repository></repositories>
		<dependencies><dependency><groupId>org.up</groupId><artifactId>parts</artifactId><version>1.0</version></dependency></dependencies></project>
	EOF
	mvn -B -q -s "$HOME/settings.xml" -f "$HOME/pom.xml" -Duser.home="$HOME" "org.apache.maven.plugins:maven-dependency-plugin:$DEPENDENCY_PLUGIN:resolve"
	test -s "$HOME/repository/org/up/parts/1.0/parts-1.0.jar"
	skopeo --insecure-policy copy --all --src-tls-verify=false "docker://$ADDR/mirror-oci/team/app:1.0" "dir:$HOME/image"
}

if [ "$ROLE" = online ]; then
	install
	exit
fi
ip link set lo up 2>/dev/null || ifconfig lo up
"$SLIPWAY" serve --data "$DATA" --listen "$ADDR" --offline --anonymous-read --log-level warn --upstream-allow 127.0.0.1 &
server=$!
trap 'kill $server; wait $server' EXIT
# A request before the server listens would be counted as an attempt that failed, so its socket is awaited in the kernel's list.
listening=$(printf ':%04X 00000000:0000 0A' "${ADDR##*:}")
await() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 1200 ] || exit 1
		sleep 0.05
	done
}
await grep "$listening" /proc/net/tcp
await curl -fsS "$URL/readyz"
for path in $UNCACHED; do
	curl -sS -H "Authorization: Bearer $TOKEN" -w '\n%{http_code}\n' "$URL$path" | tr '\n' ' ' | sed "s|^|uncached $path |"
	echo
done
grep -E '^(Ip|Tcp):' /proc/net/snmp # of this namespace, before the clients make connections of their own
install
