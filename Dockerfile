# The image the Action runs in. No training framework: those live in the experiment's own environment.
# Every package is installed by hash from locks/run.txt; base and builder are pinned by digest and can be exchanged.
# What each part costs: docs/action.md; at most 450 MB, held by tests/integration/test_image.py.
ARG BASE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
# Builds Dockerfiles of experiments; fetched through the engine by those that have one, so it is not in here.
ARG BUILDX=docker/buildx-bin:0.36.1@sha256:1f2f6b2be4a2511ada67336e76892f1a588c89746009dd4b21069e4d867465be

FROM ${BASE} AS build
WORKDIR /build
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends git binutils >/dev/null
COPY locks/bootstrap.txt locks/run.txt locks/
COPY image/trim.py image/
RUN python3 -m venv /opt/ml-experiment \
 && /opt/ml-experiment/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r locks/bootstrap.txt \
 && VIRTUAL_ENV=/opt/ml-experiment /opt/ml-experiment/bin/uv pip sync --quiet --no-cache --require-hashes locks/run.txt \
 && python3 image/trim.py /opt/ml-experiment/lib/python3.*/site-packages
COPY pyproject.toml README.md LICENSE ./
COPY experiment experiment
COPY runner runner
COPY reporting reporting
COPY action action
COPY workflows workflows
RUN VIRTUAL_ENV=/opt/ml-experiment /opt/ml-experiment/bin/uv pip install --quiet --no-cache --offline --no-deps . \
 && printf '#!/bin/sh\nexec /opt/ml-experiment/bin/python -I -m action.afterwards\n' > /opt/ml-experiment/bin/ml-experiment-afterwards \
 && chmod 755 /opt/ml-experiment/bin/ml-experiment-afterwards

FROM ${BASE}
# git alone, without the Perl and the servers of its package: what we call is built into it.
COPY --from=build /usr/bin/git /usr/bin/git
COPY --from=build /opt/ml-experiment /opt/ml-experiment
# What a reproduction imports is compiled by importing it once, Python's own library included; nothing else is.
RUN ln -s /opt/ml-experiment/bin/ml-experiment-afterwards /usr/local/bin/ml-experiment-afterwards \
 && /opt/ml-experiment/bin/python -I -c "import action.__main__, action.afterwards, action.jobs.reproduce, action.jobs.report, action.jobs.baseline, action.jobs.sweep, action.plots, reporting.figures, reporting.render, runner.tracking.worker, scipy.special, optuna, github.Requester, docker, matplotlib.figure, matplotlib.backends.backend_agg"
ARG BUILDX
ENV ML_EXPERIMENT_BUILDX=${BUILDX}
# -I: the workspace, where GitHub starts this, is a stranger's code and must never be imported from.
ENTRYPOINT ["/opt/ml-experiment/bin/python", "-I", "-u", "-m", "action"]
