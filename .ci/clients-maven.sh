#!/usr/bin/env bash
# Fills $SLIPWAY_CLIENTS/m2 with the build plugins that the tests of Maven need, from where this machine's Maven gets them, so
# that the tests themselves need no network: they use it as a repository of files. What is there already is left alone.
# Needs mvn and a JDK; Gradle is installed where apt-get is there and allowed to.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}
stamp=1 # raised with every change below

install() { # <command> <packages…>
	local command=$1
	shift
	command -v "$command" >/dev/null && return 0
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	echo "clients-maven.sh: $*"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

install mvn maven default-jdk-headless || { echo "clients-maven.sh: mvn is not installed" >&2; exit 1; }
install gradle gradle || echo "clients-maven.sh: gradle is not installed; its test is skipped" >&2

[ ! -e "$dir/m2/.stamp-$stamp" ] || exit 0
mkdir -p "$dir"
tmp=$(mktemp -d "$dir/.maven.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cp -r "$top/formats/maven/testdata/project" "$tmp/project"
find "$tmp/project" -name pom.xml -exec sed -i s/@version@/1.0/ {} +
run() { mvn -B -q -Dmaven.repo.local="$tmp/m2" -Dslipway.url="file://$tmp/out" "$@"; }
echo "clients-maven.sh: Maven plugins"
run -f "$tmp/project/pom.xml" deploy
run -f "$tmp/project/pom.xml" org.apache.maven.plugins:maven-deploy-plugin:2.7:help
run -f "$tmp/project/pom.xml" -Ddeploy.plugin=2.7 deploy
run -f "$tmp/project/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get -Dartifact=org.apache.maven:maven-artifact:4.0.0-rc-4 -Dtransitive=false
rm -rf "$tmp/m2/com/acme"
touch "$tmp/m2/.stamp-$stamp"
rm -rf "$dir/m2.old"
[ ! -e "$dir/m2" ] || mv "$dir/m2" "$dir/m2.old"
mv "$tmp/m2" "$dir/m2"
rm -rf "$dir/m2.old"
