# The surge monitor in an image of its own: what services/surge/requirements.lock pins, and nothing else of Draad.
#     docker build --file infra/surge.Dockerfile --tag draad-surge .
ARG BASE=python:3.13.9-slim-bookworm

FROM ${BASE}
COPY services/surge/requirements.lock /tmp/requirements.lock
RUN python3 -m venv /opt/surge \
    && /opt/surge/bin/pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.lock \
    && /opt/surge/bin/pip uninstall --yes --quiet setuptools pip
COPY services/surge /opt/services/surge
ENV PATH=/opt/surge/bin:$PATH \
    PYTHONPATH=/opt \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DRAAD_HOST=0.0.0.0 \
    DRAAD_PORT=8000
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
CMD ["python3", "-m", "services.surge", "worker"]
