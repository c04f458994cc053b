#!/usr/bin/env bash
# Install, where it is missing, what the tests' unmodified clients need: mosquitto_pub,
# mosquitto_sub, dig and a D-Bus of their own. Only Debian's client is used; without root it
# says what to do.
set -euo pipefail
wanted=()
# Arguments name what benchmarks use beside that: `tools.sh mosquitto dnsperf knot`.
for more in "$@"; do
  case $more in
    mosquitto) program=/usr/sbin/mosquitto ;;
    knot) program=/usr/sbin/knotd ;;
    *) program=$more ;;
  esac
  command -v "$program" >/dev/null || wanted+=("$more")
done
command -v mosquitto_pub >/dev/null || wanted+=(mosquitto-clients)
command -v dig >/dev/null || wanted+=(bind9-dnsutils)
command -v dbus-daemon >/dev/null || wanted+=(dbus-daemon)
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
