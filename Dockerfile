# The product in a container:
#
#   docker build -t eop-probe .
#   docker run --rm eop-probe check mail.contoso.com
#   docker run --rm -p 2525:2525 eop-probe listen --host 0.0.0.0 --format jsonl
#   docker run --read-only -v ./fleet.toml:/fleet.toml:ro -v eop-probe:/var/lib/eop-probe eop-probe fleet watch /fleet.toml
#
# It has the extras of EXTRAS in the Makefile, runs as a user without rights, and writes to /var/lib/eop-probe alone.
FROM debian:bookworm-slim AS base

# How apt reaches its packages on the machine that builds (see tests/lab/engine); empty: as the base image does.
ARG APT_CONFIGURATION=""
ARG APT_SOURCES=""

RUN set -eu; \
    if [ -n "$APT_CONFIGURATION" ]; then printf '%s\n' "$APT_CONFIGURATION" > /etc/apt/apt.conf.d/90build; fi; \
    if [ -n "$APT_SOURCES" ]; then \
        rm -f /etc/apt/sources.list.d/*; printf '%s\n' "$APT_SOURCES" > /etc/apt/sources.list; \
    fi; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q; \
    apt-get install -qy --no-install-recommends python3 python3-venv; \
    rm -rf /var/lib/apt/lists/* /etc/apt/apt.conf.d/90build; \
    useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin probe; \
    install --directory --owner probe --group probe --mode 0750 /var/lib/eop-probe

FROM base AS build

# Some builders keep this stage as an image without a name: by the label the lab's `make clean` finds it.
LABEL eop-probe-lab=""

# A folder of wheels in the build context, where pip is to ask no index (the lab's way); empty: it asks PyPI.
ARG WHEELS=""

COPY . /src
# Every package is the one whose hash the lock files hold (make lock); pip refuses any other.
RUN set -eu; cd /src; \
    python3 -m venv /opt/eop-probe; \
    if [ -n "$WHEELS" ]; then source="--no-index --find-links /src/$WHEELS"; else \
        source=""; python3 -m venv /opt/build; WHEELS=build/wheels; \
        /opt/build/bin/pip install -q --no-cache-dir --require-hashes -r build.lock; \
        /opt/build/bin/pip wheel -q --no-deps --no-build-isolation --wheel-dir "$WHEELS" .; \
    fi; \
    /opt/eop-probe/bin/pip install -q --no-cache-dir --require-hashes $source -r requirements.lock; \
    /opt/eop-probe/bin/pip install -q --no-cache-dir --no-deps --no-index --find-links "$WHEELS" eop-probe

FROM base

COPY --from=build /opt/eop-probe /opt/eop-probe
# The history is kept in $XDG_STATE_HOME/eop-probe, lists that were fetched in $XDG_CACHE_HOME/eop-probe.
ENV PATH=/opt/eop-probe/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 XDG_STATE_HOME=/var/lib XDG_CACHE_HOME=/var/lib
# A number, for Kubernetes takes no name for a user that is not root.
USER 10001
VOLUME /var/lib/eop-probe
EXPOSE 2525 9825
# A command has no health; what listens is asked by who runs it.
HEALTHCHECK NONE
# SIGTERM, as `docker stop` sends it, ends a listener in order.
ENTRYPOINT ["eop-probe"]
CMD ["--help"]
