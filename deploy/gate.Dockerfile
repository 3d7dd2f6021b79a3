# The gate agent's image. Flask and the database layer are not in it.
FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libzbar0 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --groups video --create-home --home-dir /var/lib/genkan genkan
COPY requirements/gate.txt /srv/genkan/requirements/gate.txt
RUN python -m venv /usr/local/genkan \
 && /usr/local/genkan/bin/pip install --no-cache-dir --require-hashes -r /srv/genkan/requirements/gate.txt
COPY access_protocol /srv/genkan/access_protocol
COPY gate_agent /srv/genkan/gate_agent
ENV PATH=/usr/local/genkan/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /srv/genkan
USER genkan
VOLUME /var/lib/genkan
ENTRYPOINT ["python", "-m", "gate_agent"]
CMD ["run"]
