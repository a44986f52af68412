#!/usr/bin/env bash
# Fills $SLIPWAY_CLIENTS with the Mavens that tests drive beside the machine's own (maven-<version>), and with the build plugins
# that all of them need (m2), from where this machine's Maven gets them, so that the tests themselves need no network: they use
# m2 as a repository of files. What is there already is left alone. Needs mvn and a JDK; Gradle and Leiningen are installed where
# apt-get is there and allowed to.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}
stamp=2 # raised with every change below

# The Mavens of formats/maven/machine_test.go, with the SHA-512 of their archives. Each has another HTTP client than the others
# or reads answers otherwise: 3.6.3 Wagon, 3.9 resolver 1.9, 3.10 and 4 resolver 2.
mavens="
3.6.3 c35a1803a6e70a126e80b2b3ae33eed961f83ed74d18fcd16909b2d44d7dada3203f1ffe726c17ef8dcca2dcaa9fca676987befeadc9b9f759967a8cb77181c0
3.9.16 831a8591fe20c8243b1dbe7d71e3244f31d1665b0804b2e825e38cbbe5ce0cafb8338851f90780735568773e0a6cd07bbec107cda0b896b008b861075358b6f6
3.10.0 908b1501bfb420bf7c8affb855534a9c407fd6099367bfb9f2f2dcb8e9799102bffb84518cde74c679bd76870247c6528683abdd620581bffa90f95d92d175aa
4.0.0-rc-6 3fba58e1c345a5aa1dbacfa7aceaf7b1a0fa9626e368eec4814fa7a7ebf0fe74f0e41481faef77f95d8738f9c1365f918c8b8c94d7c28656f067db61a8af7f2e
"

install() { # <command> <packages…>
	local command=$1
	shift
	command -v "$command" >/dev/null && return 0
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	echo "clients-maven.sh: $*"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

install mvn maven default-jdk-headless || { echo "clients-maven.sh: mvn is not installed" >&2; exit 1; }
install gradle gradle || echo "clients-maven.sh: gradle, and Ivy with it, is not installed; their tests are skipped" >&2
install lein leiningen || echo "clients-maven.sh: Leiningen is not installed; its test is skipped" >&2

[ ! -e "$dir/m2/.stamp-$stamp" ] || exit 0
export MAVEN_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC" # short runs: half the processor time
mkdir -p "$dir"
tmp=$(mktemp -d "$dir/.maven.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cp -r "$top/formats/maven/testdata/project" "$tmp/project"
find "$tmp/project" -name pom.xml -exec sed -i s/@version@/1.0/ {} +
# The other Mavens take the machine's own settings too.
settings=$(mvn -v | sed 's/\x1b\[[0-9;]*m//g' | sed -n 's/^Maven home: //p')/conf/settings.xml

run() { # <mvn> <arguments…>
	local mvn=$1
	shift
	"$mvn" -B -q -gs "$settings" -Dmaven.repo.local="$tmp/m2" -Dslipway.url="file://$tmp/out-${mvn//\//_}" "$@"
}
get() { run mvn org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get -Dtransitive=false -Dartifact="$1"; }

echo "clients-maven.sh: Maven plugins"
run mvn -f "$tmp/project/pom.xml" deploy
run mvn -f "$tmp/project/pom.xml" org.apache.maven.plugins:maven-deploy-plugin:2.7:help
run mvn -f "$tmp/project/pom.xml" -Ddeploy.plugin=2.7 deploy
get org.apache.maven:maven-artifact:4.0.0-rc-4
while read -r version sum; do
	[ -n "$version" ] || continue
	to=$dir/maven-$version
	if [ ! -e "$to" ]; then
		echo "clients-maven.sh: Maven $version"
		get "org.apache.maven:apache-maven:$version:tar.gz:bin" </dev/null
		archive=$tmp/m2/org/apache/maven/apache-maven/$version/apache-maven-$version-bin.tar.gz
		echo "$sum  $archive" | sha512sum --quiet -c -
		tar -xf "$archive" -C "$tmp"
		[ -e "$to" ] || mv "$tmp/apache-maven-$version" "$to" # it is there if another run was faster
	fi
	run "$to/bin/mvn" -f "$tmp/project/pom.xml" deploy </dev/null # what this version needs beside the others
done <<<"$mavens"
rm -rf "$tmp/m2/com/acme" "$tmp/m2/org/apache/maven/apache-maven"
touch "$tmp/m2/.stamp-$stamp"
rm -rf "$dir/m2.old"
[ ! -e "$dir/m2" ] || mv "$dir/m2" "$dir/m2.old"
mv "$tmp/m2" "$dir/m2"
rm -rf "$dir/m2.old"
