#!/bin/sh
# Installs Chromium and its driver, with which the tests open the pages of `multilabel report` and
# `multilabel describe --html`. Where it cannot, it says so; those tests are then skipped.
# Usage: scripts/install_chromium.sh
set -u

if command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1; then
    exit 0
fi
without() {
    echo "chromium: $1; the tests in a browser will be skipped." >&2
    exit 0
}
[ "$(id -u)" = 0 ] || without "not installed, and only root can install it"
command -v apt-get >/dev/null 2>&1 || without "not installed, and this is not Debian"
# On Ubuntu the package of this name only starts a snap.
grep -q '^ID=debian' /etc/os-release 2>/dev/null || without "not installed, and this is not Debian"
echo "chromium: installing it for the tests in a browser"
export DEBIAN_FRONTEND=noninteractive
install='apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core'
# Lists of packages may be missing or old.
$install >/dev/null 2>&1 || { apt-get update -qq >/dev/null 2>&1 && $install >/dev/null 2>&1; } ||
    without "it cannot be installed"
