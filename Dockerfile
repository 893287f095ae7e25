# The image the Action runs in. No training framework: those live in the experiment's own environment.
# Every package is installed by hash from locks/run.txt; the base is pinned by digest and can be exchanged.
ARG BASE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${BASE} AS build
WORKDIR /build
COPY locks/bootstrap.txt locks/run.txt locks/
RUN python3 -m venv /opt/ml-experiment \
 && /opt/ml-experiment/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r locks/bootstrap.txt \
 && VIRTUAL_ENV=/opt/ml-experiment /opt/ml-experiment/bin/uv pip sync --quiet --no-cache --require-hashes locks/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY experiment experiment
COPY runner runner
COPY reporting reporting
COPY action action
RUN VIRTUAL_ENV=/opt/ml-experiment /opt/ml-experiment/bin/uv pip install --quiet --no-cache --offline --no-deps . \
 && /opt/ml-experiment/bin/python -m compileall -q /opt/ml-experiment/lib \
 && printf '#!/bin/sh\nexec /opt/ml-experiment/bin/python -I -m action.afterwards\n' > /opt/ml-experiment/bin/ml-experiment-afterwards \
 && chmod 755 /opt/ml-experiment/bin/ml-experiment-afterwards

FROM ${BASE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends git ca-certificates >/dev/null \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/ml-experiment /opt/ml-experiment
RUN ln -s /opt/ml-experiment/bin/ml-experiment-afterwards /usr/local/bin/ml-experiment-afterwards
# -I: the workspace, where GitHub starts this, is a stranger's code and must never be imported from.
ENTRYPOINT ["/opt/ml-experiment/bin/python", "-I", "-u", "-m", "action"]
