"""Secrets of one look, planted where users have theirs: whoever finds the look has found a leak."""

LOOK = b"cAnArY"
TOLD = "cAnArYtold"
"""The one that user code tells."""

OPTIONS = {
    "s3.secret-key": "cAnArY01",
    "ssl.keystore.key": "-----BEGIN PRIVATE KEY----- cAnArY02 -----END PRIVATE KEY-----",
    "jdbc.url": "jdbc:postgresql://app:cAnArY03@db:5432/orders",
    "env.java.opts.taskmanager": "-Xss1m -Dx.password=cAnArY04 -Dy=1",
    "containerized.taskmanager.env.DB_PASS": "cAnArY05",
    "pipeline.global-job-parameters": "user:app,password:cAnArY06",
    "metrics.reporter.squirrel.kafka.sasl.jaas.config": (
        "org.apache.kafka.common.security.plain.PlainLoginModule required"
        ' username="app" password="cAnArY07";'
    ),
    "metrics.reporter.squirrel.kafka.ssl.truststore.password": "cAnArY08",
}
"""Flink's configuration, that of our own reporter included."""
JVM_ARGS = ("-Dx.password=cAnArY09",)
