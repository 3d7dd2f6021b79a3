# The server's image: web, worker, live and broker are commands of the same program.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements/server.txt requirements/server.txt
RUN python -m venv /usr/local/genkan \
 && /usr/local/genkan/bin/pip install --no-cache-dir --require-hashes -r requirements/server.txt
COPY access_protocol /srv/genkan/access_protocol
COPY server /srv/genkan/server
RUN /usr/local/genkan/bin/pybabel compile -d /srv/genkan/server/web/translations

FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
    fonts-noto-cjk libharfbuzz-subset0 libpangoft2-1.0-0 mosquitto \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/genkan genkan
COPY --from=build /usr/local/genkan /usr/local/genkan
COPY --from=build /srv/genkan /srv/genkan
ENV PATH=/usr/local/genkan/bin:$PATH:/usr/sbin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GENKAN_DATA_FOLDER=/var/lib/genkan \
    GENKAN_LOG_FORMAT=json
WORKDIR /srv/genkan
USER genkan
VOLUME /var/lib/genkan
ENTRYPOINT ["python", "-m", "server"]
CMD ["serve"]
