#!/usr/bin/env bash
# With LONG=1, fills $SLIPWAY_CLIENTS/rabbitmq with the RabbitMQ server that tests start for themselves: the files of Debian's package, unpacked
# and not installed, because an installed one is started. Erlang, which runs it, is installed where it is missing.
set -euo pipefail
[ -n "${LONG:-}" ] || exit 0
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_CLIENTS:-$top/.cache/clients}
erlang=(erlang-base erlang-crypto erlang-eldap erlang-inets erlang-mnesia erlang-os-mon erlang-parsetools erlang-public-key
	erlang-runtime-tools erlang-ssl erlang-syntax-tools erlang-tools erlang-xmerl)

if ! command -v erl >/dev/null; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "clients-rabbitmq.sh: Erlang is not installed, and only root on Debian can do it here" >&2
		exit 1
	fi
	echo "clients-rabbitmq.sh: ${erlang[*]}"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${erlang[@]}" >/dev/null
fi
[ ! -e "$dir/rabbitmq" ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "clients-rabbitmq.sh: RabbitMQ is not there, and only Debian's can be had here" >&2
	exit 1
fi
echo "clients-rabbitmq.sh: RabbitMQ"
mkdir -p "$dir"
tmp=$(mktemp -d "$dir/.rabbitmq.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
chmod 755 . # apt-get downloads as a user of its own
apt-get download -qq rabbitmq-server 2>/dev/null || { apt-get update -qq && apt-get download -qq rabbitmq-server; }
dpkg -x rabbitmq-server_*.deb x
mv x/usr/lib/rabbitmq/lib/rabbitmq_server-* "$dir/rabbitmq"
