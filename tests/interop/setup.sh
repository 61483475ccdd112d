#!/bin/sh
# Install the independent CSMS of the interoperability tests (npm package ocpp-rpc), once.
set -eu
cd "$(dirname "$0")"
command -v npm >/dev/null 2>&1 || {
    echo "cannot set up tests/interop: npm is missing: install it (Debian: apt-get install nodejs npm)" >&2
    exit 1
}
[ -f node_modules/.setup ] && cmp -s package-lock.json node_modules/.setup && exit 0
echo "setting up tests/interop (once)"
npm ci --loglevel=error
cp package-lock.json node_modules/.setup
