# The style service, which learns with PyTorch. The build that pip finds by itself runs on NVIDIA's GPUs and on CPUs.
#   docker build -f docker/style.Dockerfile -t reelmill/style .
ARG BASE=docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
FROM ${BASE} AS build
# pip's own: where another build of PyTorch is found, such as the one for CPUs, which needs no CUDA.
ARG PIP_FIND_LINKS=
ARG PIP_EXTRA_INDEX_URL=
WORKDIR /src
COPY docker/install.sh docker/
COPY locks locks
RUN docker/install.sh packages style && docker/install.sh torch
COPY shared shared
COPY services services
RUN docker/install.sh ours style

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reelmill-style" \
      org.opencontainers.image.description="Reelmill's style service: textual inversion" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/reelmill /opt/reelmill
COPY LICENSE /licenses/reelmill/LICENSE
ENV PATH=/opt/reelmill/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 \
    REELMILL_GRPC_ADDRESS=0.0.0.0:50051 \
    REELMILL_DIFFUSION_MODEL=/model
EXPOSE 50051
USER 10001:10001
ENTRYPOINT ["/opt/reelmill/bin/service"]
