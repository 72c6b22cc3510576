# The starter model and its judge, as an image that holds nothing else: an init container copies them to a volume.
#   docker build -f docker/weights.Dockerfile -t reelmill/weights-starter .
ARG BASE=docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reelmill-weights-starter" \
      org.opencontainers.image.description="Reelmill's starter model and the judge of its pictures" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY services/render/starter/model /weights/model
COPY services/render/starter/judge /weights/judge
COPY LICENSE /licenses/reelmill/LICENSE
COPY docker/copy_weights.py /copy_weights.py
USER 10001:10001
# Copies /weights/* below the folder that it is given.
ENTRYPOINT ["python3", "/copy_weights.py"]
