# The image the Action runs in. No training framework: those live in the experiment's own environment.
# Every package is installed by hash from locks/run.txt; the base is pinned by digest and can be exchanged.
ARG BASE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${BASE} AS build
WORKDIR /build
COPY locks/bootstrap.txt locks/run.txt locks/
RUN python3 -m venv /opt/ml-experiment \
 && /opt/ml-experiment/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r locks/bootstrap.txt \
 && VIRTUAL_ENV=/opt/ml-experiment /opt/ml-experiment/bin/uv pip sync --quiet --no-cache --require-hashes locks/run.txt \
 && cd /opt/ml-experiment/lib/python3.*/site-packages \
 && rm -rf pip pip-*.dist-info setuptools setuptools-*.dist-info pkg_resources _distutils_hack distutils-precedence.pth \
 && find numpy scipy matplotlib mpl_toolkits fontTools -type d -name tests -prune -exec rm -rf {} + \
 && find . -type d -name __pycache__ -prune -exec rm -rf {} + \
 && find . \( -name '*.pyi' -o -name '*.a' -o -name '*.pxd' -o -name '*.h' \) -delete
COPY pyproject.toml README.md LICENSE ./
COPY experiment experiment
COPY runner runner
COPY reporting reporting
COPY action action
# What the Action imports is compiled by importing it once; nothing else is, which would add 100 MB.
RUN VIRTUAL_ENV=/opt/ml-experiment /opt/ml-experiment/bin/uv pip install --quiet --no-cache --offline --no-deps . \
 && /opt/ml-experiment/bin/python -I -c "import action.__main__, action.afterwards, action.jobs.reproduce, action.jobs.report, action.jobs.baseline, action.plots, reporting.figures, reporting.render, runner.tracking.worker, mlflow.tracking, scipy.stats, github.Requester, docker, matplotlib.figure, matplotlib.backends.backend_agg" \
 && printf '#!/bin/sh\nexec /opt/ml-experiment/bin/python -I -m action.afterwards\n' > /opt/ml-experiment/bin/ml-experiment-afterwards \
 && chmod 755 /opt/ml-experiment/bin/ml-experiment-afterwards

FROM ${BASE}
# The docker command with buildx builds the Dockerfiles of experiments. Before Debian 13 it came with the engine only.
RUN apt-get update -qq \
 && docker=$(apt-cache show docker-cli >/dev/null 2>&1 && echo docker-cli docker-buildx || echo docker.io) \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends git ca-certificates $docker >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/share/doc /usr/share/man
COPY --from=build /opt/ml-experiment /opt/ml-experiment
RUN ln -s /opt/ml-experiment/bin/ml-experiment-afterwards /usr/local/bin/ml-experiment-afterwards
# -I: the workspace, where GitHub starts this, is a stranger's code and must never be imported from.
ENTRYPOINT ["/opt/ml-experiment/bin/python", "-I", "-u", "-m", "action"]
