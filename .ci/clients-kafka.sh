#!/usr/bin/env bash
# Fills $SLIPWAY_CLIENTS/kafka-<version> with the jars of the Kafka broker that tests start for themselves, from where this
# machine's Maven gets things. What is there already is left alone. Needs mvn and a JDK.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}
kafka=4.1.0 # as in integration/kafka/broker_test.go

[ ! -e "$dir/kafka-$kafka" ] || exit 0
command -v mvn >/dev/null || { echo "clients-kafka.sh: mvn is not installed" >&2; exit 1; }
mkdir -p "$dir"
tmp=$(mktemp -d "$dir/.kafka.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
echo "clients-kafka.sh: Kafka $kafka"
cat >"$tmp/pom.xml" <<EOF
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka</version></dependency></dependencies>
</project>
EOF
mvn -B -q -f "$tmp/pom.xml" -Dmaven.repo.local="$tmp/m2" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$tmp/jars"
mv "$tmp/jars" "$dir/kafka-$kafka"
