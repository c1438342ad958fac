# syntax=docker/dockerfile:1

FROM rust:1-slim-bookworm AS builder
WORKDIR /build
COPY . .
# Downloads and compiled dependencies stay in caches, so that a change of our sources builds only
# those. The program is copied out because a cache is no part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin redouble \
    && strip --output-file=/usr/local/bin/redouble target/release/redouble

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends redis-tools tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 999 redis \
    && useradd --system --uid 999 --gid redis --home-dir /data --no-create-home redis \
    && install --directory --owner=redis --group=redis /data
COPY --from=builder /usr/local/bin/redouble /usr/local/bin/redouble
COPY --chmod=755 docker-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
RUN ln -s redouble /usr/local/bin/redis-server \
    && ln -s redouble /usr/local/bin/valkey-server \
    && ln -s /usr/bin/redis-cli /usr/local/bin/valkey-cli
VOLUME /data
WORKDIR /data
USER redis
EXPOSE 6379
# Where a password is set, the answer to `ping` is an error: a server that says so is healthy. The port is
# that of the environment or of an argument; a port in a configuration file needs a --health-cmd.
HEALTHCHECK --interval=10s --timeout=3s --start-period=1s \
    CMD port=$({ tr '\0' ' ' </proc/1/cmdline; echo "${REDIS_ARGS-}"; } \
            | sed -n 's/.*--port  *\([0-9][0-9]*\).*/\1/p' | head -n 1); \
        redis-cli -p "${port:-${REDOUBLE_PORT:-6379}}" ping 2>&1 | grep -qE 'PONG|NOAUTH'
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
