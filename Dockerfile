# One image for every service of docker-compose.yml: Airflow, the pipelines, the contracts and the models.
FROM python:3.11.14-slim-bookworm

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/urbanbrain/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/urbanbrain/dags/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    PYTHONPATH=/opt/urbanbrain/dags \
    URBANBRAIN_PROJECT=/opt/urbanbrain \
    URBANBRAIN_HOME=/var/lib/urbanbrain

# The packages change seldom, the project often: two layers.
COPY deploy/constraints.txt /tmp/constraints.txt
RUN pip install --require-hashes -r /tmp/constraints.txt && rm /tmp/constraints.txt

WORKDIR /opt/urbanbrain
COPY pyproject.toml README.md LICENSE ./
COPY pipelines pipelines
RUN pip install --no-deps --no-build-isolation .
COPY contracts contracts
COPY warehouse warehouse
COPY dags dags

# A new volume takes over the owner of the folder it is mounted on, so both exist before anything is mounted.
RUN useradd --uid 50000 --no-create-home --home-dir /opt/airflow airflow \
    && install --directory --owner airflow --mode 0750 /opt/airflow /var/lib/urbanbrain
USER airflow
CMD ["airflow", "version"]
