#!/usr/bin/env bash
# Builds the images: docker/build.sh [KIND...]; KINDS names them all.
#   BUILDER   what builds, with the arguments of `docker build`; for example "buildah bud"        (docker build)
#   REGISTRY  what names begin with                                                                (localhost/reelmill)
#   TAG       of every image                                                                       (the chart's appVersion)
#   BASE      another base image than the pinned one, for all that are not built on NVIDIA's
#   PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL  pip's own: where another build of PyTorch is found, such as the one for CPUs
set -euo pipefail
cd "$(dirname "$0")/.."

kinds=(movies script render qa dataset gateway style triton-cpu weights-starter nats seaweedfs)
[ "${1:-}" != --list ] || { printf '%s\n' "${kinds[@]}" triton-gpu; exit 0; }
[ $# -gt 0 ] || set -- "${kinds[@]}"
builder=${BUILDER:-docker build}
tag=${TAG:-$(sed -n 's/^appVersion: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' helm/reelmill/Chart.yaml)}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)

for kind in "$@"; do
  arguments=(--build-arg "VERSION=$tag" --build-arg "REVISION=$revision")
  case $kind in
  movies | script | render | qa | dataset | gateway) file=service arguments+=(--build-arg "SERVICE=$kind") ;;
  weights-starter) file=weights ;;
  *) file=$kind ;;
  esac
  case $kind in
  style | triton-*)
    arguments+=(--build-arg "PIP_FIND_LINKS=${PIP_FIND_LINKS:-}")
    arguments+=(--build-arg "PIP_EXTRA_INDEX_URL=${PIP_EXTRA_INDEX_URL:-}")
    ;;
  esac
  [ -z "${BASE:-}" ] || [ "$kind" = triton-gpu ] || arguments+=(--build-arg "BASE=$BASE")
  echo "building ${REGISTRY:-localhost/reelmill}/$kind:$tag" >&2
  # shellcheck disable=SC2086 - a command with its arguments
  $builder "${arguments[@]}" -f "docker/$file.Dockerfile" -t "${REGISTRY:-localhost/reelmill}/$kind:$tag" .
done
