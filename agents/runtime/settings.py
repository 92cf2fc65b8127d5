"""All settings in one frozen object; no other code reads the environment."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    AnyUrl,
    BaseModel,
    Field,
    IPvAnyAddress,
    SecretStr,
    UrlConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from agents.runtime.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "AGENT_FLOWS_"
TENANT = r"^[a-z0-9][a-z0-9-]{0,31}$"
Rate = Annotated[str, Field(pattern=r"^[1-9]\d{0,8}/(second|minute|hour)$")]
DATABASES = ("sqlite+aiosqlite:///", "postgresql+asyncpg://")


class SystemSettings(BaseModel, frozen=True, extra="forbid"):
    """Where an outside system is, and the token that it expects."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    url: AnyHttpUrl
    token: SecretStr = SecretStr("")


class QueueLimit(BaseModel, frozen=True, extra="forbid"):
    """How many items may wait in the queue of one scenario."""

    scenario: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    items: Annotated[int, Field(ge=1, le=10_000_000)]


class FetchCredential(BaseModel, frozen=True, extra="forbid"):
    """A header that a host expects, and the studies on whose behalf it is sent.

    Its value is here, or in a Secret block of Prefect, behind the `prefix`.
    """

    host: Annotated[str, Field(pattern=r"^[^\s:/@]+:\d{1,5}$")]
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")] = "Authorization"
    value: SecretStr | None = None
    block: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")] | None = None
    prefix: Annotated[str, Field(max_length=100)] = ""
    studies: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_value(self) -> "FetchCredential":
        if (self.value is None) is (self.block is None):
            raise ValueError("give either a value or a block")
        return self


class FetchDatabase(BaseModel, frozen=True, extra="forbid"):
    """A database of sources: the `url` is SQLAlchemy's, with an asynchronous driver."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    url: SecretStr
    studies: Annotated[tuple[str, ...], Field(min_length=1)]


class FetchBucket(BaseModel, frozen=True, extra="forbid"):
    """A bucket of Google's store (gs://), or of one that speaks S3, at Amazon or at `endpoint`.

    It is read by a `key` of S3, or with the identity that this machine has at the store; else as anybody may read it.
    """

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{2,62}$")]
    endpoint: AnyHttpUrl | None = None
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = "us-east-1"
    key: str = ""
    secret: SecretStr = SecretStr("")
    own_identity: bool = False
    studies: Annotated[tuple[str, ...], Field(min_length=1)]


class CloudUse(BaseModel, frozen=True, extra="forbid"):
    """A cloud in which consumers may work, and how flow runs start there."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    runs: Literal["process", "kubernetes", "containers", "push"] = "process"


class ModelSettings(BaseModel, frozen=True, extra="forbid"):
    """A language model behind an OpenAI-compatible endpoint."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    url: AnyHttpUrl
    key: SecretStr = SecretStr("")


Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"
]


class JwtSettings(BaseModel, frozen=True, extra="forbid"):
    """The identity provider whose JSON Web Tokens the gateway accepts.

    `keys` is the file or the https URL of its public keys (JWKS). Algorithms with a shared secret are
    not accepted, since a verifier could make tokens too.
    """

    issuer: Annotated[str, Field(min_length=1, max_length=500)]
    audience: Annotated[str, Field(min_length=1, max_length=500)]
    keys: Annotated[str, Field(pattern=r"^(https?://|/|\.{0,2}/?[\w.-])")]
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256", "ES256")
    tenant_claim: str = "tenant"
    scopes_claim: str = "scope"
    customer_claim: str = "customer"


class MailSettings(BaseModel, frozen=True, extra="forbid"):
    """The mail server, and who its messages come from.

    With smtp:// the connection is upgraded by STARTTLS before anything is said, with smtps:// it is
    encrypted from its beginning, and with smtp+plain:// never, for a server on the same host.
    """

    url: Annotated[
        AnyUrl,
        UrlConstraints(allowed_schemes=["smtp", "smtps", "smtp+plain"], host_required=True),
    ]
    user: Annotated[str, Field(max_length=200)] = ""
    password: SecretStr = SecretStr("")
    sender: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,180}$")]
    name: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")] = (
        ""
    )


JSON_SETTINGS = (
    *("queue_limits", "fetch_allowed", "webhook_allowed", "models", "gateway_hosts", "jwt"),
    *("carriers", "mail", "notification_urls", "services", "clouds"),
    *("fetch_credentials", "fetch_databases", "fetch_buckets"),
)


def _for_operators(url: SecretStr) -> SecretStr:
    """A target of Apprise that no customer's address becomes a part of."""
    text = url.get_secret_value()
    if text.partition(":")[0].lower() in {"mailto", "mailtos"} or "{to}" in text:
        raise ValueError("e-mail goes through AGENT_FLOWS_MAIL; {to} has no meaning here")
    return url


class Settings(BaseSettings):
    """Settings from the environment, each named AGENT_FLOWS_<FIELD>."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", enable_decoding=False
    )

    data: Path = Field(ROOT / ".agent-flows", description="folder of journal, sandbox and reports")
    journal_url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of the journal, sqlite+aiosqlite or postgresql+asyncpg"
    )
    redis_url: SecretStr | None = Field(
        None,
        description="redis://, rediss:// or unix://; none: an embedded Valkey when it is needed",
    )
    tenant: Annotated[str, Field(pattern=TENANT)] = "default"
    queue_limit: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        100_000, description="items that may wait in a queue; more are refused"
    )
    queue_limits: tuple[QueueLimit, ...] = Field(
        (), description="the same for one scenario each, where it needs another limit"
    )
    lease_seconds: Annotated[float, Field(ge=1, le=300)] = 15.0
    processes: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="processes of a long run over a file of orders, at most one for each core"
    )
    concurrency: Literal["auto", "prefect", "local"] = Field(
        "auto",
        description="what limits calls to outside systems: Prefect's global limits or this process",
    )
    prefect_idle_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        600.0, description="unused, after which a Prefect server that a command started ends"
    )
    clouds: tuple[CloudUse, ...] = Field(
        (), description="clouds of deployments/resources.py in use, and how each starts flow runs"
    )
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="first port for metrics; each process takes the next free one"
    )
    metrics_host: IPvAnyAddress = Field(
        IPv4Address("127.0.0.1"),
        description="address to serve metrics on; 0.0.0.0 in a container that Prometheus reaches",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_megabytes: Annotated[int, Field(ge=1, le=100_000)] = Field(
        100, description="size from which the log goes on in a new file"
    )
    log_files: Annotated[int, Field(ge=1, le=1_000)] = Field(
        5, description="full log files that are kept beside the current one"
    )

    fetch_allowed: tuple[Annotated[str, Field(pattern=r"^[^\s:/@]+:\d{1,5}$")], ...] = Field(
        (), description="host:port pairs of your own network from which data may be fetched"
    )
    fetch_credentials: tuple[FetchCredential, ...] = Field(
        (),
        description="headers with secrets for hosts of sources, each for the studies that it names",
    )
    fetch_databases: tuple[FetchDatabase, ...] = Field(
        (),
        description="databases that sources are queried from, each for the studies that it names",
    )
    fetch_buckets: tuple[FetchBucket, ...] = Field(
        (), description="buckets that sources are copied from, each for the studies that it names"
    )
    fetch_seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(
        3_600.0, description="for one document of a source, with all retries"
    )
    fetch_stalled_seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(
        30.0, description="without a byte, after which a download is given up and begun again"
    )
    webhook_allowed: tuple[Annotated[str, Field(pattern=r"^[^\s:/@]+:\d{1,5}$")], ...] = Field(
        (), description="host:port pairs of your own network to which webhooks may be sent"
    )
    dask: str | None = Field(
        None,
        description="address of a Dask scheduler that fits candidates, or local; none: processes",
    )
    source_root: Path | None = Field(
        None, description="data analysis reads files of this folder only; none: of any folder"
    )

    catalogue: Path | None = Field(
        None, description="JSON Lines of the shop's goods; none: those of the sample"
    )
    customers: Path | None = Field(
        None, description="JSON Lines of the shop's customers; none: those of the sample"
    )
    knowledge: Path | None = Field(
        None,
        description="folder of documents by language (en, zh); none: those of the sample shop",
    )
    models: tuple[ModelSettings, ...] = Field(
        (), description="language models for customer service, the first one first; none: no model"
    )
    model_tokens: Annotated[int, Field(ge=100, le=1_000_000)] = Field(
        4_000, description="most tokens that a language model may take for one turn"
    )
    model_cost: Annotated[Decimal, Field(gt=0)] | None = Field(
        None, description="most US dollars that a language model may take for one turn, if known"
    )

    gateway_hosts: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}$")], ...] = Field(
        (), description="host names under which callers reach the gateway, beside the loopback's"
    )

    gateway_tenant_rate: Rate = Field(
        "300000/minute", description="requests of one tenant, such as 100/second or 5000/minute"
    )
    gateway_key_rate: Rate = Field("200000/minute", description="requests with one API key")
    gateway_login_rate: Rate = Field("10/minute", description="log-ins from one address")
    jwt: JwtSettings | None = Field(
        None, description="identity provider whose tokens the gateway accepts beside API keys"
    )

    function: str | None = Field(
        None, description="what this process runs as a function of a cloud provider, by its name"
    )
    function_topic: Annotated[str, Field(pattern=r"^projects/[^/]+/topics/[^/]+$")] | None = Field(
        None, description="Pub/Sub topic by which a scheduled function starts others of its kind"
    )

    inventory_url: AnyHttpUrl | None = Field(None, description="none: the sandbox")
    inventory_token: SecretStr = SecretStr("")
    stripe_url: AnyHttpUrl = AnyHttpUrl("https://api.stripe.com")
    stripe_key: SecretStr | None = Field(None, description="none: the sandbox")
    stripe_webhook_secret: SecretStr = Field(
        SecretStr(""), description="of the provider's webhooks; two, with a space, in a rotation"
    )
    returns_webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="of the warehouse's webhooks; two, with a space, in a rotation",
    )
    carriers: tuple[SystemSettings, ...] = Field((), description="none: the sandbox's two")
    mail: MailSettings | None = Field(None, description="none: the sandbox")
    notification_urls: tuple[Annotated[SecretStr, AfterValidator(_for_operators)], ...] = Field(
        (), description="Apprise URLs of the shop's own chats, for channels other than email"
    )
    services: tuple[SystemSettings, ...] = Field(
        (), description="a scenario's own outside systems by name; those left out: the sandbox"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings passes it
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Without files named .env, which nobody uses here and which take as long to look for as all the rest."""
        return init_settings, env_settings, file_secret_settings

    @field_validator(*JSON_SETTINGS, mode="before")
    @classmethod
    def _decoded(cls, value: object) -> object:
        """What pydantic-settings would do, but without ending the process by an error of its own."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("should be JSON") from None

    @field_validator("journal_url")
    @classmethod
    def _known_database(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(DATABASES):
            raise ValueError(f"should begin with {' or '.join(DATABASES)}")
        return url

    def queue_limit_of(self, scenario: str) -> int:
        """The items that may wait in the queue of this scenario."""
        own = {limit.scenario: limit.items for limit in self.queue_limits}
        return own.get(scenario, self.queue_limit)

    @property
    def journal(self) -> str:
        """The journal's SQLAlchemy URL."""
        if self.journal_url is not None:
            return self.journal_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data / 'journal.db'}"


SECRETS = f"{PREFIX}SECRETS"  # names a folder with a file for each setting that no variable gives


def load_settings() -> Settings:
    """Read the environment, and the files of the folder AGENT_FLOWS_SECRETS for what no variable gives.

    Raises SettingsError, which names every invalid, empty or unknown variable without its value.
    """
    folder = os.environ.get(SECRETS)
    problems = [*_unknown_or_empty(), *_unusable(folder)]
    named = {problem.partition(":")[0] for problem in problems}
    try:
        loaded = Settings(_secrets_dir=None if SECRETS in named else folder)
    except ValidationError as error:
        found = [_problem(one) for one in error.errors(include_input=False)]
        problems += [problem for problem in found if problem.partition(":")[0] not in named]
    else:
        if not problems:
            return loaded
    raise SettingsError(tuple(problems))


def _unknown_or_empty() -> Iterator[str]:
    """A mistyped name would be passed over in silence, and an empty secret taken for one."""
    known = {SECRETS, *(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)}
    for name in sorted(os.environ):
        if not name.startswith(PREFIX):
            continue
        if name not in known:
            near = get_close_matches(name, known, 1, 0.9)
            yield f"{name}: is no setting" + (f"; is {near[0]} meant?" if near else "")
        elif not os.environ[name].strip():
            yield f"{name}: is empty; unset it, or set it"


def _unusable(folder: str | None) -> Iterator[str]:
    if folder is None:
        return
    try:
        found = sorted(Path(folder).iterdir())
    except OSError as error:
        yield f"{SECRETS}: {error.strerror}"
        return
    known = {f"{PREFIX}{name}".lower() for name in Settings.model_fields}
    for file in found:
        if not file.name.startswith(".") and file.name.lower() not in known:
            yield f"{SECRETS}: the file {file.name!r} is named after no setting"


def traces_wanted() -> bool:
    """Whether the standard environment of OpenTelemetry says where traces go; the SDK reads the rest of it.

    Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    endpoints = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    wanted = os.environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() == "otlp"
    return wanted and any(os.environ.get(name, "").strip() for name in endpoints)


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()


def _problem(error: object) -> str:
    assert isinstance(error, dict)
    variable = PREFIX + "_".join(str(part).upper() for part in error["loc"][:1])
    where = ".".join(str(part) for part in error["loc"][1:])
    return f"{variable}{f' ({where})' if where else ''}: {error['msg']}"
