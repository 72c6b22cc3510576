# Triton on NVIDIA's GPUs: their own server image with our packages beside it. Its Python is 3.12; PyTorch comes from
# PyPI with the CUDA libraries that it was built with. Pin BASE by digest where you mirror it: registries ask for terms
# to be accepted, so it is not looked up here.
#   docker build -f docker/triton-gpu.Dockerfile -t reelmill/triton-gpu .
ARG BASE=nvcr.io/nvidia/tritonserver:25.12-py3
FROM ${BASE} AS build
# pip's own: where another build of PyTorch is found, such as the one for CPUs, which needs no CUDA.
ARG PIP_FIND_LINKS=
ARG PIP_EXTRA_INDEX_URL=
WORKDIR /src
COPY docker/install.sh docker/
COPY locks locks
RUN docker/install.sh packages triton && docker/install.sh torch
COPY shared shared
RUN docker/install.sh ours triton

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reelmill-triton-gpu" \
      org.opencontainers.image.description="Triton with Reelmill's diffusion model and judge, on NVIDIA GPUs" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/reelmill /opt/reelmill
COPY services/render/triton-models /models
COPY LICENSE /licenses/reelmill/LICENSE
ENV PATH=/opt/reelmill/bin:/opt/tritonserver/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 \
    REELMILL_DIFFUSION_MODEL=/model
EXPOSE 8000 8001 8002
USER 10001:10001
ENTRYPOINT ["/opt/tritonserver/bin/tritonserver", "--model-repository=/models", "--model-control-mode=explicit"]
CMD ["--load-model=diffusion"]
