#!/bin/sh
# Fills /opt while an image is built. Everything is locked with hashes but PyTorch, whose builds differ by machine.
#   install.sh packages KIND      what locks/images/KIND.txt lists, into /opt/reelmill
#   install.sh torch              PyTorch, by plain pip, which PIP_FIND_LINKS and PIP_EXTRA_INDEX_URL may send elsewhere
#   install.sh ours KIND          our own distributions that locks/images/KIND.in lists; /opt/reelmill/bin/service starts it
#   install.sh triton             Triton's server for CPUs, into /opt/triton
#   install.sh program NAME FILE  a server's program from the wheel NAME of locks/local.txt, to /out/FILE
set -eu
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
target=/opt/reelmill

build_venv() { [ -x /build/bin/pip ] || python3 -m venv /build; }
into_target() { /build/bin/pip --python $target/bin/python3 install --no-compile "$@"; }
# What nobody imports: tests, headers, the sources and symbols of compiled modules.
trim() {
  find $target -type d \( -name tests -o -name testing -o -name include -o -name SelfTest \) -path '*site-packages*' \
    \( -path '*/numpy/*' -o -path '*/pyarrow/*' -o -path '*/Crypto/*' -o -path '*/torch/include' \) -prune -exec rm -rf {} +
  # What downloads from a hub: nothing is, by a service.
  rm -rf $target/lib/python3*/site-packages/hf_xet*
  # Images with PyTorch, forty times as large, do without the rest.
  command -v strip >/dev/null && trim_compiled
  find $target -name '*.pyx' -delete -o -name '*.pxd' -delete -o -name '*.pyi' -delete
}

# What is compiled and of no use here: symbols, 45 MB of them; pictures in AVIF; NumPy's builder and what only its tests import.
# Each package is imported to see that it still can be.
trim_compiled() {
  packages=$(echo $target/lib/python3*/site-packages)
  rm -rf "$packages"/PIL/_avif* "$packages"/pillow.libs/libavif* "$packages"/numpy/distutils "$packages"/numpy/f2py
  rm -f "$packages"/numpy/_core/_simd.*
  # Not what lies in *.libs: those were edited after they were linked, and strip would break them.
  for found in ml_dtypes numpy PIL Crypto nacl cryptography; do
    [ ! -d "$packages/$found" ] || find "$packages/$found" -name '*.so' -exec strip --strip-unneeded {} +
  done
  find "$packages" -maxdepth 1 -name 'rapidjson*.so' -exec strip --strip-unneeded {} +
  for found in ml_dtypes numpy.random PIL.Image Crypto.Cipher.AES nacl._sodium cryptography.hazmat.bindings._rust rapidjson; do
    [ -z "$(find "$packages" -maxdepth 1 -name "${found%%.*}" -o -name "${found%%.*}.*.so")" ] || $target/bin/python3 -c "import $found"
  done
}

case $1 in
packages)
  build_venv
  python3 -m venv --without-pip $target
  into_target --require-hashes --no-deps -r "locks/images/$2.txt"
  ;;
torch)
  version=$(sed -n 's/^torch==//p' locks/pins.txt)
  [ -n "${PIP_FIND_LINKS:-}" ] || unset PIP_FIND_LINKS
  [ -n "${PIP_EXTRA_INDEX_URL:-}" ] || unset PIP_EXTRA_INDEX_URL
  into_target "torch==$version"
  ;;
ours)
  build_venv
  /build/bin/pip install --require-hashes --no-deps -r locks/build.txt
  for folder in $(sed -n 's/^-e \.\///p' "locks/images/$2.in"); do
    /build/bin/pip wheel --no-deps --no-build-isolation --no-index -w /wheels "./$folder"
  done
  into_target --no-deps --no-index /wheels/*.whl
  [ ! -e "$target/bin/reelmill-$2" ] || ln -s "reelmill-$2" $target/bin/service
  trim
  ;;
triton)
  build_venv
  /build/bin/pip install --require-hashes --no-deps --target /wheel -r locks/triton.txt
  server=/wheel/pytriton/tritonserver
  stub=$server/python_backend_stubs/$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')/triton_python_backend_stub
  mkdir -p /opt/triton/backends
  cp -r $server/bin /opt/triton/bin
  cp -r $server/backends/python /opt/triton/backends/python
  cp "$stub" /opt/triton/backends/python/
  cp -r /wheel/nvidia_pytriton.libs /opt/triton/libs
  chmod -R a+rX /opt/triton
  ;;
program)
  build_venv
  # One entry of the lock file, to its last hash.
  awk -v name="$2==" 'index($0, name) == 1 {on = 1} on {print} on && !/\\$/ {exit}' locks/local.txt >/tmp/one.txt
  /build/bin/pip install --require-hashes --no-deps -r /tmp/one.txt
  mkdir -p /out
  cp -L "/build/bin/$3" "/out/$3"
  ;;
*)
  echo "install.sh: unknown: $1" >&2
  exit 2
  ;;
esac
