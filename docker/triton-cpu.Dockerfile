# Triton on CPUs, from the wheel that carries its server, with the model repository: for evaluation and tests.
#   docker build -f docker/triton-cpu.Dockerfile -t reelmill/triton-cpu .
ARG BASE=docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
FROM ${BASE} AS build
# pip's own: where another build of PyTorch is found, such as the one for CPUs, which needs no CUDA.
ARG PIP_FIND_LINKS=
ARG PIP_EXTRA_INDEX_URL=
WORKDIR /src
COPY docker/install.sh docker/
COPY locks locks
RUN docker/install.sh packages triton && docker/install.sh torch && docker/install.sh triton
COPY shared shared
RUN docker/install.sh ours triton

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reelmill-triton-cpu" \
      org.opencontainers.image.description="Triton with Reelmill's diffusion model and judge, on CPUs" \
      org.opencontainers.image.licenses="Apache-2.0 AND BSD-3-Clause" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/reelmill /opt/reelmill
COPY --from=build /opt/triton /opt/triton
COPY services/render/triton-models /models
COPY LICENSE /licenses/reelmill/LICENSE
# Triton's Python backend starts the first python3 on PATH, and its stub loads that Python's own library.
ENV PATH=/opt/reelmill/bin:/usr/local/bin:/usr/bin:/bin \
    LD_LIBRARY_PATH=/usr/local/lib:/opt/triton/libs \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 \
    REELMILL_DIFFUSION_MODEL=/model
EXPOSE 8000 8001 8002
USER 10001:10001
ENTRYPOINT ["/opt/triton/bin/tritonserver", "--model-repository=/models", "--backend-directory=/opt/triton/backends", "--model-control-mode=explicit"]
CMD ["--load-model=diffusion"]
