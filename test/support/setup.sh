#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that the tests of clusters and the live tests use, where they are missing and where that is possible.
# Where it is not, the tests that need them say so.
set -euo pipefail

# The program that tells that the package is there, and the package.
wanted='dockerd docker.io
docker docker.io
ip iproute2
iptables iptables
perl perl
busybox busybox-static
faketime faketime
jq jq
docker-registry docker-registry
docker-compose docker-compose
chromium chromium'

# A module for Debian's own Python, and the package: another Python in the path does not see it.
wanted_modules='docker python3-docker'

PATH="$PATH:/usr/sbin:/sbin"
missing=''
miss() {
  if [[ " $missing " != *" $1 "* ]]; then
    missing+=" $1"
  fi
}
while read -r program package; do
  command -v "$program" > /dev/null || miss "$package"
done <<< "$wanted"
while read -r module package; do
  /usr/bin/python3 -c "import $module" 2> /dev/null || miss "$package"
done <<< "$wanted_modules"

if [[ -z "$missing" ]]; then
  exit 0
elif [[ "$(id -u)" != 0 ]]; then
  echo "not installed, and only root can install them:$missing"
elif ! command -v apt-get > /dev/null; then
  echo "not installed, and there is no apt-get here:$missing"
else
  echo "installing the Debian packages$missing"
  export DEBIAN_FRONTEND=noninteractive
  read -r -a packages <<< "$missing"
  install_packages=(apt-get install --yes --quiet --no-install-recommends "${packages[@]}")
  "${install_packages[@]}" || { apt-get update --quiet && "${install_packages[@]}"; }
fi
