# Two images, used by compose.yaml: `flink` is Flink with the plugin, `drsquirrel` is Dr. Squirrel.
FROM maven:3.9-eclipse-temurin-17 AS plugin
WORKDIR /src
COPY schema schema
COPY plugin plugin
RUN mvn -q -B -f plugin/pom.xml package -DskipTests

FROM flink:2.3.0-scala_2.12-java17 AS flink
COPY --from=plugin /src/plugin/target/drsquirrel-flink-0.1.0.jar /opt/flink/plugins/drsquirrel/

FROM node:24-slim AS page
WORKDIR /src/web
COPY web .
RUN npm ci --ignore-scripts && npm run build

FROM python:3.13-slim AS drsquirrel
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY drsquirrel drsquirrel
COPY --from=page /src/drsquirrel/show/page drsquirrel/show/page
RUN pip install --no-cache-dir . --constraint constraints.txt \
  && useradd --create-home squirrel && install -d -o squirrel /data
USER squirrel
ENTRYPOINT ["drsquirrel"]
