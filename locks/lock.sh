#!/usr/bin/env bash
# Resolves locks/*.in: everything together into constraints.txt, so that the groups can be installed side by side,
# then each group's own share, with hashes, into its .txt. Versions already locked stay; `make lock UPGRADE=1` renews.
set -euo pipefail
cd "$(dirname "$0")/.."
groups=(build runtime torch local dev)

compile() { .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate "$@"; }

# Our own distributions are installed from the checkout and PyTorch by plain pip (see setup.sh): neither is emitted.
unlisted=(--no-emit-package torch)
while read -r folder; do
  unlisted+=(--no-emit-package "$(sed -n 's/^name = "\(.*\)"/\1/p' "$folder/pyproject.toml" | head -1)")
done < <(sed -n 's/^-e //p' locks/*.in locks/images/*.in | sort -u)

echo "resolving everything together"
compile ${UPGRADE:+--upgrade} "${unlisted[@]}" -c locks/pins.txt $(printf "locks/%s.in " "${groups[@]}") -o locks/constraints.txt
for group in "${groups[@]}"; do
  echo "locking $group"
  compile --generate-hashes "${unlisted[@]}" -c locks/constraints.txt "locks/$group.in" -o "locks/$group.txt"
done
for list in locks/images/*.in; do
  echo "locking the image $(basename "$list" .in)"
  compile --generate-hashes "${unlisted[@]}" -c locks/constraints.txt "$list" -o "${list%.in}.txt"
done
echo "locking the client"
compile --generate-hashes "${unlisted[@]}" -c locks/constraints.txt locks/client.in -o locks/client.txt
echo "locking triton"
compile --generate-hashes --no-deps locks/triton.in -o locks/triton.txt
echo "locking bench"
compile --generate-hashes --no-deps locks/bench.in -o locks/bench.txt
echo "locking consumers"
compile --generate-hashes --no-deps locks/consumers.in -o locks/consumers.txt
echo "locking chart"
compile --generate-hashes --no-deps locks/chart.in -o locks/chart.txt
echo "locking policy"
compile --generate-hashes locks/policy.in -o locks/policy.txt
