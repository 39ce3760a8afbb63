"""A Kafka broker that speaks TLS only, asks for a user, and lets each do only what it may."""

import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from demo.broker import Broker
from demo.saying import Say, silent

SCRAM = "SCRAM-SHA-512"
KAFKA = "org.apache.kafka.common"
ROOT = "root"
"""The user who may do everything."""
HIMSELF = "CN=broker"
"""The broker as its own controller knows it: by its certificate."""
TIMEOUT_S = 20.0
OPTIONS = {
    "inter.broker.listener.name": "SECURED",
    "listener.security.protocol.map": "SECURED:SASL_SSL,CONTROLLER:SSL",
    "sasl.enabled.mechanisms": SCRAM,
    "sasl.mechanism.inter.broker.protocol": SCRAM,
    "listener.name.controller.ssl.client.auth": "required",
    "ssl.keystore.type": "PEM",
    "ssl.truststore.type": "PEM",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": f"User:{ROOT};User:{HIMSELF}",
}


@dataclass(frozen=True)
class Right:
    """What a user may do with what is called so, or begins so."""

    operation: AclOperation
    kind: ResourceType
    name: str
    is_prefix: bool = False

    def of(self, user: str) -> AclBinding:
        pattern = ResourcePatternType.PREFIXED if self.is_prefix else ResourcePatternType.LITERAL
        who, allow = f"User:{user}", AclPermissionType.ALLOW
        return AclBinding(self.kind, self.name, pattern, who, "*", self.operation, allow)


def plugin_rights(prefix: str) -> list[Right]:
    """Of the plugin in a cluster whose topics begin with the prefix."""
    return [Right(AclOperation.WRITE, ResourceType.TOPIC, f"{prefix}flink-", is_prefix=True)]


def reader_rights(*prefixes: str, group: str = "drsquirrel") -> list[Right]:
    """Of Dr. Squirrel. Dead letters go to the topic of the first prefix."""
    read, write = AclOperation.READ, AclOperation.WRITE
    return [
        *(Right(read, ResourceType.TOPIC, f"{p}flink-", is_prefix=True) for p in prefixes),
        Right(read, ResourceType.GROUP, group),
        Right(write, ResourceType.TOPIC, f"{prefixes[0]}drsquirrel-dead-letters"),
    ]


def admin_rights(*prefixes: str) -> list[Right]:
    """Of who makes the topics and checks them."""
    operations = (AclOperation.CREATE, AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS)
    return [
        Right(operation, ResourceType.TOPIC, f"{prefix}{word}-", is_prefix=True)
        for prefix in prefixes
        for word in ("flink", "job", "drsquirrel")
        for operation in operations
    ]


class SecuredBroker(Broker):
    """Users by their rights; beside them there is ROOT."""

    listener = "SECURED"

    def __init__(
        self,
        rights: Mapping[str, Sequence[Right]],
        options: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        progress: Say = silent,
    ) -> None:
        super().__init__(options, port=port, progress=progress)
        self._rights = rights
        self.passwords = {user: secrets.token_hex(16) for user in (ROOT, *rights)}

    @property
    def ca_file(self) -> Path:
        """The authority to trust."""
        return self.folder / "ca.pem"

    def password_file(self, user: str) -> Path:
        return self.folder / f"{user}.password"

    def client(self, user: str) -> dict[str, Any]:
        """How librdkafka reaches it as this user."""
        return {
            "bootstrap.servers": self.address,
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.ca_file),
            "sasl.mechanisms": SCRAM,
            "sasl.username": user,
            "sasl.password": self.passwords[user],
        }

    def plugin_options(self, user: str, password: str = "") -> dict[str, str]:
        """Flink's options for a plugin that comes as this user; without a password it reads that
        of the user from a file."""
        secret = self.folder / f"{user}.properties"
        secret.write_text(f"password={self.passwords[user]}\n")
        told = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": SCRAM,
            "sasl.jaas.config": jaas(user, password or f"${{file:{secret}:password}}"),
            "config.providers": "file",
            "config.providers.file.class": f"{KAFKA}.config.provider.FileConfigProvider",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca_file),
        }
        return {f"metrics.reporter.squirrel.kafka.{key}": value for key, value in told.items()}

    def start(self) -> None:
        super().start()
        self._give([right.of(user) for user, rights in self._rights.items() for right in rights])

    def allow(self, user: str, *rights: Right) -> None:
        """Give more rights, which are there afterwards."""
        self._give([right.of(user) for right in rights])

    def _give(self, bindings: list[AclBinding]) -> None:
        admin = AdminClient(self.client(ROOT))
        for done in admin.create_acls(bindings, request_timeout=TIMEOUT_S).values():
            done.result(TIMEOUT_S)

    def _prepare(self) -> None:
        for user, password in self.passwords.items():
            self.password_file(user).write_text(password)
        certify(self.folder, self.ca_file, "broker")

    def _options(self) -> dict[str, str]:
        broker = self.folder / "broker.pem"
        return {
            **super()._options(),
            **OPTIONS,
            "ssl.keystore.location": str(broker),
            "ssl.truststore.location": str(self.ca_file),
            f"listener.name.secured.{SCRAM.lower()}.sasl.jaas.config": jaas(
                ROOT, self.passwords[ROOT]
            ),
            **self._extra,
        }

    def _format_args(self) -> list[str]:
        users = (f"{SCRAM}=[name={u},password={p}]" for u, p in self.passwords.items())
        return [part for user in users for part in ("--add-scram", user)]


def jaas(user: str, password: str) -> str:
    """What a client of Kafka in Java is told of its user."""
    module = f"{KAFKA}.security.scram.ScramLoginModule"
    return f'{module} required username="{user}" password="{password}";'


def certify(folder: Path, authority: Path, name: str) -> None:
    """Make an authority, and NAME.pem with the key and the certificate of a server on 127.0.0.1."""
    key, ca_key = folder / f"{name}.key", folder / "ca.key"
    request, certificate = folder / f"{name}.csr", folder / f"{name}.crt"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl(
        *("req", "-x509", "-days", "2", "-subj", "/CN=Squirrels", *new_key),
        *("-keyout", ca_key, "-out", authority),
    )
    _openssl("req", "-subj", f"/CN={name}", *new_key, "-keyout", key, "-out", request)
    extension = folder / "extension"
    extension.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    _openssl(
        *("x509", "-req", "-days", "2", "-in", request, "-out", certificate),
        *("-CA", authority, "-CAkey", ca_key, "-CAcreateserial", "-extfile", extension),
    )
    (folder / f"{name}.pem").write_text(key.read_text() + certificate.read_text())


def _openssl(*arguments: object) -> None:
    if shutil.which("openssl") is None:
        raise RuntimeError("There is no openssl here, which makes the broker's certificate.")
    command = ["openssl", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl failed: {done.stderr}")
