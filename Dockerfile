# Builds the binary with the toolchain that Cargo.toml names, and copies it into an image without a toolchain.
#
# The base images are pinned by exact tags. For reproducible builds, pin them by digest:
#     docker build --build-arg BUILD_IMAGE=rust@sha256:… --build-arg RUN_IMAGE=debian@sha256:… .
ARG BUILD_IMAGE=rust:1.95.0-slim-bookworm
ARG RUN_IMAGE=debian:12.12-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --release --bin understudy \
    && cp target/release/understudy /understudy

FROM ${RUN_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Understudy" \
      org.opencontainers.image.description="A self-hosted identity provider whose heart is impersonation, in the open" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/debian:12.12-slim"
# The certificates are for TLS to Postgres and to applications. Nothing is installed, so no package index is needed.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /build/LICENSE /usr/share/doc/understudy/LICENSE
COPY --from=build /understudy /usr/local/bin/understudy

# Not an account of the base image, so that the server owns none of its files.
USER 10001:10001
WORKDIR /
ENV UNDERSTUDY_LISTEN=0.0.0.0:8080
EXPOSE 8080
# Metrics, if UNDERSTUDY_MANAGEMENT_LISTEN is set.
EXPOSE 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["understudy", "healthcheck"]
ENTRYPOINT ["understudy"]
CMD ["serve"]
