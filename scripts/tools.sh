#!/usr/bin/env bash
# Install, where it is missing, what the tests' unmodified clients need: mosquitto_pub,
# mosquitto_sub and dig. Only Debian's own client is used; without root it says what to do.
set -euo pipefail
# An argument names one more: `tools.sh mosquitto` gets the broker that benchmarks use.
wanted=()
command -v mosquitto_pub >/dev/null || wanted+=(mosquitto-clients)
if [ "${1:-}" = mosquitto ] && [ ! -x /usr/sbin/mosquitto ]; then wanted+=(mosquitto); fi
command -v dig >/dev/null || wanted+=(bind9-dnsutils)
command -v unshare >/dev/null || wanted+=(util-linux)
if [ "${#wanted[@]}" -eq 0 ]; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "the tests need these programs; please install: ${wanted[*]}" >&2
  exit 1
fi
echo "installing ${wanted[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null
apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
