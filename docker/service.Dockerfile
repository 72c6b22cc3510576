# A light service: SERVICE is movies, script, render, qa, dataset or gateway. No PyTorch, no shell, no compiler, nobody's root.
#   docker build -f docker/service.Dockerfile --build-arg SERVICE=movies -t reelmill/movies .
ARG BASE=docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
FROM ${BASE} AS build
ARG SERVICE
# For `strip`; nothing of it comes into the image, so its version may be the newest.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY docker/install.sh docker/
COPY locks locks
RUN docker/install.sh packages "${SERVICE}"
COPY shared shared
COPY services services
RUN docker/install.sh ours "${SERVICE}"

FROM ${BASE}
ARG SERVICE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reelmill-${SERVICE}" \
      org.opencontainers.image.description="Reelmill's ${SERVICE} service" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/reelmill /opt/reelmill
COPY LICENSE /licenses/reelmill/LICENSE
ENV PATH=/opt/reelmill/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    REELMILL_GRPC_ADDRESS=0.0.0.0:50051 \
    REELMILL_HTTP_ADDRESS=0.0.0.0:8080
EXPOSE 50051
USER 10001:10001
ENTRYPOINT ["/opt/reelmill/bin/service"]
