# Two stages: the first fetches wheels (pinned by hash, nothing is built from source) and compiles the catalogues;
# the second is the runtime image: an unprivileged user, and a root file system that can be read-only.
ARG PYTHON=3.13
# "ways": with Apprise, for PRISTAN_TEAM_WAYS. "traces": with OpenTelemetry, for PRISTAN_TRACES_URL.
ARG LOCK=base

FROM python:${PYTHON}-slim AS made
ARG LOCK
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /srv/pristan
COPY requirements requirements
RUN python -m venv /opt/pristan \
 && python -m pip install --require-hashes --only-binary :all: --requirement requirements/uv.txt \
 && uv pip install --python /opt/pristan/bin/python --no-cache --require-hashes --only-binary :all: \
      --requirement requirements/${LOCK}.txt --requirement requirements/uv.txt
COPY pyproject.toml alembic.ini LICENSE ./
COPY alembic alembic
COPY app app
RUN /opt/pristan/bin/uv pip install --python /opt/pristan/bin/python --offline --no-deps --no-build-isolation --editable . \
 && /opt/pristan/bin/pristan i18n compile \
 && /opt/pristan/bin/uv pip uninstall --python /opt/pristan/bin/python pip uv setuptools \
 && rm -rf ./*.egg-info \
 && /opt/pristan/bin/python -m compileall -q app alembic \
 && /opt/pristan/bin/pristan --help >/dev/null

FROM python:${PYTHON}-slim
RUN groupadd --system --gid 10001 pristan \
 && useradd --system --uid 10001 --gid pristan --home-dir /nonexistent --shell /usr/sbin/nologin pristan \
 && install -d -o pristan -g pristan -m 0700 /var/lib/pristan
COPY --from=made /opt/pristan /opt/pristan
COPY --from=made /srv/pristan /srv/pristan
ENV PATH=/opt/pristan/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PRISTAN_VAR=/var/lib/pristan
WORKDIR /srv/pristan
USER 10001:10001
VOLUME /var/lib/pristan
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import sys, urllib.request as u; sys.exit(u.urlopen('http://127.0.0.1:8000/readyz', timeout=4).status != 200)"]
ENTRYPOINT ["pristan"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
