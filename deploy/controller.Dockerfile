# A simulated door or turnstile: for trying a site out before its controllers are wired.
FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/genkan genkan
COPY requirements/sim.txt /srv/genkan/requirements/sim.txt
RUN python -m venv /usr/local/genkan \
 && /usr/local/genkan/bin/pip install --no-cache-dir --require-hashes -r /srv/genkan/requirements/sim.txt
COPY access_protocol /srv/genkan/access_protocol
COPY firmware_sim /srv/genkan/firmware_sim
ENV PATH=/usr/local/genkan/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /srv/genkan
USER genkan
VOLUME /var/lib/genkan
ENTRYPOINT ["python", "-m", "firmware_sim"]
