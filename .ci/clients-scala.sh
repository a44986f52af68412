#!/usr/bin/env bash
# With LONG=1, fills $SLIPWAY_CLIENTS/sbt and /mill with these build tools and with what they load themselves, from where this
# machine's Maven gets things, so that their tests need no network. Each compiles a build of ten lines for that, half a minute of
# processor time. What is there already is left alone. Needs mvn and a JDK.
set -euo pipefail
[ -n "${LONG:-}" ] || exit 0
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}
stamp=1 # raised with every change below and in formats/maven/testdata/sbt and mill
sbt=1.10.11
mill=0.11.13 # of 0.12 the registry of Maven lacks a part

[ ! -e "$dir/scala/.stamp-$stamp" ] || exit 0
command -v mvn >/dev/null || { echo "clients-scala.sh: mvn is not installed" >&2; exit 1; }
mkdir -p "$dir"
tmp=$(mktemp -d "$dir/.scala.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
echo "clients-scala.sh: sbt $sbt, Mill $mill"
get() { # <artifact> <file>
	mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get -Dmaven.repo.local="$tmp/m2" -Dtransitive=false -Dartifact="$1"
	mv "$tmp/m2/$2" "$tmp/scala/"
}
mkdir -p "$tmp/scala" "$tmp/home"
get "org.scala-sbt:sbt-launch:$sbt" "org/scala-sbt/sbt-launch/$sbt/sbt-launch-$sbt.jar"
get "com.lihaoyi:mill-dist:$mill" "com/lihaoyi/mill-dist/$mill/mill-dist-$mill.jar"
mv "$tmp/scala/sbt-launch-$sbt.jar" "$tmp/scala/sbt.jar"
mv "$tmp/scala/mill-dist-$mill.jar" "$tmp/scala/mill.jar"
printf '[repositories]\n  maven-central\n' >"$tmp/scala/repositories"

java=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.home="$tmp/home")
cp -r "$top/formats/maven/testdata/sbt" "$top/formats/maven/testdata/mill" "$tmp/"
(cd "$tmp/sbt" && COURSIER_CACHE=$tmp/scala/cache "${java[@]}" -Dsbt.override.build.repos=true -Dsbt.repository.config="$tmp/scala/repositories" \
	-Dsbt.boot.directory="$tmp/scala/boot" -Dsbt.global.base="$tmp/home/global" -Dsbt.ivy.home="$tmp/home/ivy" \
	-Dsbt.supershell=false -Dsbt.color=false -jar "$tmp/scala/sbt.jar" package </dev/null >"$tmp/log" 2>&1) || { cat "$tmp/log"; exit 1; }
(cd "$tmp/mill" && COURSIER_CACHE=$tmp/scala/cache HOME=$tmp/home "${java[@]}" -cp "$tmp/scala/mill.jar" mill.runner.MillMain --no-server \
	tool.publishArtifacts </dev/null >"$tmp/log" 2>&1) || { cat "$tmp/log"; exit 1; }
touch "$tmp/scala/.stamp-$stamp"
rm -rf "$dir/scala"
mv "$tmp/scala" "$dir/scala"
