#!/bin/sh
# Make the Python environment that a make target needs, or say in one line what is missing and how to get it.
#
#   tools/setup.sh run        .venv          what the demo and `make run` need: no root, no compiler
#   tools/setup.sh dev        .venv          the same, plus what tests and linters need
#   tools/setup.sh debian12   .venv-debian12 the suite on the library versions that Debian 12 ships (needs a compiler)
#   tools/setup.sh system     -              the system packages of the tests (as root; else prints the command)
#
# An environment is remade only when pyproject.toml, this file or the Python changes.
set -eu
cd "$(dirname "$0")/.."
kind=${1:?usage: tools/setup.sh run|dev|debian12|system}

fail() {
    echo "cannot set up: $1" >&2
    exit 1
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    asked=${PYTHON:-python3}
    found=$("$asked" -c 'import platform; print(platform.python_version())' 2>/dev/null || echo none)
    fail "Python 3.11 or later is needed, and $asked is ${found}: install it (Debian 12 or later: apt-get install python3 python3-venv), or name another: make PYTHON=python3.12 ..."
}

# Node 18 runs the independent CSMS of the interoperability tests; the compilers build pyscard and systemd-python.
system_packages="gcc g++ libc6-dev python3-dev python3-venv pkg-config swig libpcsclite-dev libsystemd-dev"

system() {
    missing=""
    for package in $system_packages; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then missing="$missing nodejs npm"; fi
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null 2>&1 ||
        fail "these packages are missing:$missing: install their counterparts on this system, then run again"
    if [ "$(id -u)" != 0 ]; then
        fail "system packages are missing; run once: sudo apt-get install -y --no-install-recommends$missing"
    fi
    echo "installing system packages:$missing"
    log=$(mktemp)
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fail "apt-get could not install:$missing (its last lines are above)"
    fi
    rm -f "$log"
}

environment() { # folder, what to install
    folder=$1
    shift
    python=$(find_python)
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "$python has no venv module: install it (Debian: apt-get install python3-venv)"
    [ -w . ] || fail "the folder $(pwd) is not writable: clone the project into a folder of yours"
    want=$("$python" -c '
import hashlib, pathlib, sys
text = pathlib.Path("pyproject.toml").read_bytes() + pathlib.Path("tools/setup.sh").read_bytes()
print(hashlib.sha256(text).hexdigest(), sys.version_info[:2], *sys.argv[1:])' "$@")
    stamp=$folder/setup-$kind
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && [ -x "$folder/bin/python" ] && return 0
    echo "setting up $folder (once; about a minute)"
    [ -x "$folder/bin/python" ] && "$folder/bin/python" -c '' 2>/dev/null || { rm -rf "$folder"; "$python" -m venv "$folder"; }
    log=$folder/setup.log
    if ! "$folder/bin/python" -m pip install --disable-pip-version-check "$@" >"$log" 2>&1; then
        tail -n 12 "$log" >&2
        fail "pip could not install what $folder needs: is there a network, and does pip reach its package index? (its last lines are above)"
    fi
    printf '%s\n' "$want" >"$stamp"
}

case $kind in
run) environment .venv -e ".[sandbox]" ;;
dev) environment .venv -e ".[sandbox,dev]" "python-periphery>=2.3.0,<3" ;;
debian12)
    environment .venv-debian12 -e ".[sandbox,dev,hardware]" \
        "cryptography==38.0.4" "python-periphery==2.3.0" "pyscard==2.0.5" "systemd-python==235" "pyserial==3.5"
    ;;
system) system ;;
*) fail "unknown environment '$kind': use run, dev, debian12 or system" ;;
esac
