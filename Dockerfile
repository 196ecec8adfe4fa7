# The server, `multilabel serve`, without TensorFlow: docs/deployment.md.
# scripts/check_container.py runs the same steps without a container engine.
FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/multilabel
COPY requirements/serve.txt requirements/serve.txt
RUN /opt/multilabel/bin/python -m pip install --no-cache-dir --requirement requirements/serve.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/multilabel/bin/python -m pip install --no-cache-dir --no-deps .
# What reads tables and computes metrics, half of the size: a server does neither.
RUN /opt/multilabel/bin/python -m pip uninstall --yes \
    polars polars-runtime-32 scikit-learn scipy iterative-stratification joblib threadpoolctl \
    narwhals beautifulsoup4 lxml soupsieve pip

FROM python:3.13-slim
COPY --from=build /opt/multilabel /opt/multilabel
ENV PATH=/opt/multilabel/bin:$PATH PYTHONUNBUFFERED=1
# Not root, and no user of the machine either.
USER 10001:10001
WORKDIR /
VOLUME /model
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/health', timeout=4)"]
ENTRYPOINT ["multilabel", "serve", "--host", "0.0.0.0", "--port", "8080"]
CMD ["/model"]
