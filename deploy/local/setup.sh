#!/usr/bin/env bash
# Makes .venv complete: the locked packages, PyTorch, Triton's server and our own distributions. Safe to run at any
# time: each step remembers what it was done for and is left out while that has not changed.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=$PWD/.venv
done_marks=$venv/setup
log=$venv/setup/log.txt
torch_version=$(sed -n 's/^torch==//p' locks/pins.txt)

say() { printf '%s\n' "$*" >&2; }
fail() { say "setup: $*"; exit 1; }

# step NAME TEXT FILES... : true (and TEXT shown) when the step has to be done for these files.
step() {
  local name=$1 text=$2; shift 2
  wanted="$name $(cat "$@" | sha256sum | cut -d' ' -f1)"
  [ "$(cat "$done_marks/$name" 2>/dev/null)" = "$wanted" ] && return 1
  say "setup: $text"
}
finished() { printf '%s\n' "$2" >"$done_marks/$1"; }

run_pip() {
  PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install --no-input --no-compile --progress-bar off \
    --root-user-action ignore "$@" >>"$log" 2>&1 && return
  say "setup: pip failed; the end of $log:"; tail -n 15 "$log" >&2; exit 1
}

# --- the machine -----------------------------------------------------------------------------------------------------
[ "$(uname -sm)" = "Linux x86_64" ] ||
  fail "Reelmill's local stack runs on Linux x86-64; this is $(uname -sm). Use a Linux machine or virtual machine."
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2 || true)
[ -n "$glibc" ] && [ "$(printf '%s\n2.35\n' "$glibc" | sort -V | head -1)" = 2.35 ] ||
  fail "Triton's server needs glibc 2.35 or newer (Debian 12, Ubuntu 22.04); this machine has ${glibc:-none}."

suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
  if suits "$candidate"; then python=$candidate; break; fi
done
[ -n "$python" ] || fail "Python 3.11, 3.12 or 3.13 is needed; ${PYTHON:-python3} is $(${PYTHON:-python3} -V 2>&1 || true)."
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

# install_debian PACKAGE WHY : installs a Debian or Ubuntu package, or says how.
install_debian() {
  local apt="apt-get install -y --no-install-recommends $1" sudo=
  if [ "$(id -u)" != 0 ]; then sudo="sudo -n"; fi
  if ! command -v apt-get >/dev/null; then
    fail "$2 Install it with your system's package manager, or choose another Python with PYTHON=... make setup."
  fi
  if [ -n "$sudo" ] && ! $sudo true 2>/dev/null; then fail "$2 Run this, then again: sudo $apt"; fi
  say "setup: installing the system package $1"
  { $sudo apt-get update && $sudo env DEBIAN_FRONTEND=noninteractive $apt; } >"$venv.apt.log" 2>&1 ||
    { tail -n 15 "$venv.apt.log" >&2; fail "$2 Installing it failed (above). Try: sudo $apt"; }
  rm -f "$venv.apt.log"
}

"$python" -c 'import ensurepip, venv' 2>/dev/null || install_debian "python$version-venv" "Python's venv module is missing."
"$python" deploy/local/reelmill_local/libpython.py >/dev/null ||
  install_debian "libpython$version" "Triton's Python backend needs the system library libpython$version.so.1.0."

# --- the virtual environment -----------------------------------------------------------------------------------------
has=$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true)
if [ -e "$venv" ] && [ "$has" != "$version" ]; then
  say "setup: .venv belongs to another Python; making it again"
  rm -rf "$venv"
fi
[ -x "$venv/bin/python" ] || { say "setup: making .venv with Python $version"; "$python" -m venv "$venv"; }
mkdir -p "$done_marks"

# --- what is installed -----------------------------------------------------------------------------------------------
triton_job=
trap wait EXIT # nothing goes on after this script, whatever ends it
if step triton "Triton's server (in the background)" locks/triton.txt; then
  rm -rf "$venv/triton"
  # Apart from everything else: it would ask for numpy below 2.
  run_pip --require-hashes --no-deps --target "$venv/triton" -r locks/triton.txt &
  triton_job=$! triton_wanted=$wanted
fi

if step packages "the locked packages ($(cat locks/{build,runtime,torch,local,dev}.txt | grep -o '^[a-z0-9].*==' | sort -u | wc -l) of them)" \
    locks/build.txt locks/runtime.txt locks/torch.txt locks/local.txt locks/dev.txt; then
  run_pip --require-hashes --no-deps \
    -r locks/build.txt -r locks/runtime.txt -r locks/torch.txt -r locks/local.txt -r locks/dev.txt
  finished packages "$wanted"
fi

if step torch "PyTorch $torch_version" locks/pins.txt; then
  run_pip "torch==$torch_version"
  finished torch "$wanted"
fi

own=$(sed -n 's/^-e //p' locks/*.in | sort -u)
if step own "Reelmill itself" $(printf '%s/pyproject.toml ' $own); then
  run_pip --no-deps --no-build-isolation $(printf -- '-e %s ' $own)
  finished own "$wanted"
fi

if [ -n "$triton_job" ]; then
  wait "$triton_job" || exit 1
  finished triton "$triton_wanted"
fi
