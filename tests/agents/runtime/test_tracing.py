"""Each item has one trace, with a span for each step, whatever process works on it and whatever it waits for."""

import time
from collections import Counter
from collections.abc import Iterator
from threading import Thread

import httpx
import pytest

from agents.runtime.context import Runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.intake.intake import Intake
from agents.runtime.messaging import Delivery, subscribe
from agents.runtime.model.batch import RunStats
from agents.runtime.model.policies import PURE, READ
from agents.runtime.otlp import OtlpRecorder
from agents.runtime.settings import traces_wanted
from agents.runtime.telemetry import traceparent, within
from agents.runtime.trace_context import TraceContext, claim_of, new_span, new_trace
from agents.runtime.tracing import (
    OURS,
    Attributes,
    Link,
    Scope,
    Span,
    flush,
    record_to,
    recorder,
    spanning,
    timing,
)
from agents.services.http import HttpApi
from tests.agents.runtime.jobs import Job, Made, jobs, submissions, until, with_notices
from tests.agents.runtime.messaging.mailbox import ECHO, NEWS, Note, serving_bus
from tests.otlp_collector import Collector, collecting


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: what is stored of traces is tested at the journal."""
    return sqlite_url


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.endpoint)
        record_to(OtlpRecorder())
        yield found
        record_to(None)


async def process(count: int, *agents: object, key: str = "") -> None:
    scenario = with_notices("ended")
    intake = Intake(scenario, RunStats(), lambda _rejection: None)
    async for batch in intake.accepted(submissions(jobs(count)), 256):
        async with saga(batch):
            for one in agents:
                batch = await one(batch)  # type: ignore[operator]  # noqa: PLW2901 - as in a flow


@pytest.mark.usefixtures("opened")
async def test_an_item_shows_its_steps_and_calls_in_one_trace(collector: Collector) -> None:
    headers = list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        headers.append(request.headers["traceparent"])
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    api = HttpApi("shop", "http://shop.test", transport=httpx.MockTransport(answer))

    @agent(PURE)
    def weigh(_job: Job) -> None: ...

    @agent(READ, version="2.1")
    async def look(_job: Job) -> Made:
        await api.read("look", "/")
        return Made(by="look")

    await process(3, weigh, look)
    flush()
    traces = [collector.by_trace()[claim.trace] for claim in collector.named("jobs claim")]
    assert [len(spans) for spans in traces] == [5, 5, 5]
    for spans in traces:
        by_name = {span.name: span for span in spans}
        claim, look_span = by_name["jobs claim"], by_name["look"]
        assert claim.span == claim_of(claim.trace, claim.attributes["agent_flows.item"], 1).span
        assert {by_name[name].parent for name in ("weigh", "look", "jobs end")} == {claim.span}
        assert (look_span.scope, look_span.version) == ("agent_flows.look", "2.1")
        call = by_name["shop look"]
        assert (call.parent, call.attributes["http.response.status_code"]) == (look_span.span, 200)
        assert f"00-{call.trace}-{call.span}-01" in headers
        assert look_span.begun <= call.begun <= call.ended <= look_span.ended + 1_000_000
    [batch] = collector.named("jobs batch")
    assert {spans[0].links[0][1] for spans in traces if spans[0].name == "jobs claim"} <= {
        batch.span
    }
    assert {span.parent for span in collector.named("journal write")} <= {
        span.span for span in collector.by_trace()[batch.trace]
    }


@pytest.mark.usefixtures("opened", "no_waits")
async def test_a_failure_is_named_by_its_class_and_nothing_of_the_person(
    collector: Collector,
) -> None:
    @agent(READ)
    async def check(_job: Job) -> Made:
        raise ValueError("ann.lee@example.com, card 4242 4242 4242 4242")

    await process(1, check)
    flush()
    [span] = collector.named("check")
    assert span.failed
    assert span.attributes["agent_flows.outcome"] == "dead_lettered"
    assert span.attributes["error.type"] == "ValueError"
    sent = repr(collector.spans)
    assert "example.com" not in sent
    assert "4242" not in sent


async def test_a_message_between_agents_is_handled_in_the_trace_of_what_published_it(
    opened: Runtime, collector: Collector
) -> None:
    """Its handler's own calls and messages are of that trace too, and a link says what was waited for."""
    heard = dict[str, str]()

    @subscribe(NEWS, "ears")
    async def listen(_note: Note, delivery: Delivery) -> None:
        heard["news"] = traceparent()
        async with delivery.transaction() as transaction:
            await transaction.publish(ECHO, Note(n=2))

    @subscribe(ECHO, "echoes")
    async def echo(_note: Note, _: Delivery) -> None:
        heard["echo"] = traceparent()

    request = TraceContext(new_trace(), new_span())
    async with serving_bus(opened.settings, listen, echo) as bus:
        with within(request):
            await bus.publish(NEWS, Note(n=1))
        await until(lambda: len(heard) == 2)
    flush()
    [news], [echoed] = collector.named("news process"), collector.named("echo process")
    assert heard == {
        "news": f"00-{request.trace}-{news.span}-01",
        "echo": f"00-{request.trace}-{echoed.span}-01",
    }
    assert (news.parent, echoed.parent) == (request.span, news.span)
    assert news.links == ((request.trace, request.span, "message"),)


@pytest.mark.usefixtures("opened")
async def test_a_sampler_of_the_environment_decides(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    record_to(OtlpRecorder())

    @agent(READ)
    async def look(_job: Job) -> Made:
        assert traceparent().endswith("-00")
        return Made(by="look")

    await process(2, look)
    flush()
    assert collector.spans == []


@pytest.mark.parametrize("status", [503, 400, 200])
@pytest.mark.usefixtures("opened")
async def test_a_collector_that_is_away_or_slow_holds_up_nothing(
    collector: Collector, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status, collector.delay = status, 30.0 if status == 200 else 0.0

    @agent(READ)
    async def look(_job: Job) -> Made:
        return Made(by="look")

    await process(300, look)
    begun = time.monotonic()
    flush(0.2)
    assert time.monotonic() - begun < 5
    assert len(collector.spans) == 0


def record_many(count: int, name: str = "work") -> None:
    """Record spans, numbered from 0, under two scopes."""
    to, root = recorder(), TraceContext(new_trace(), new_span())
    assert to is not None
    for number in range(count):
        scope = OURS if number % 2 else Scope("agent_flows.look", "2.1", (("scenario", "jobs"),))
        span = Span(name, root.child(), root, number, number + 0.5, scope=scope)
        span.attributes["number"] = number
        to.record(span)


@pytest.mark.parametrize("most", [1, 7, 512])
def test_spans_arrive_once_however_many_a_request_takes(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", str(most))
    record_to(OtlpRecorder())
    record_many(50)
    flush(30)
    assert sorted(span.attributes["number"] for span in collector.spans) == list(range(50))
    assert collector.requests >= 50 / most
    for span in collector.spans:
        number = span.attributes["number"]
        assert (span.begun, span.ended) == (number * 10**9, number * 10**9 + 5 * 10**8)
        assert span.scope == ("agent_flows" if number % 2 else "agent_flows.look")


def test_spans_of_several_threads_arrive_once(collector: Collector) -> None:
    threads = [Thread(target=record_many, args=(2_000, name)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flush(30)
    arrived = Counter(span.name for span in collector.spans)
    assert arrived == dict.fromkeys("abcd", 2_000)
    assert len({span.span for span in collector.spans}) == 8_000


def test_the_oldest_spans_are_dropped_when_a_collector_is_slow(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request may be on its way; of the others, what the queue holds is kept."""
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "30")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    record_to(OtlpRecorder())
    collector.delay = 30.0
    record_many(1_000)
    collector.released.set()
    flush(30)
    arrived = sorted(span.attributes["number"] for span in collector.spans)
    assert arrived[-30:] == list(range(970, 1_000))
    assert len(arrived) < 1_000


def test_a_span_tells_all_kinds_of_attributes_and_its_links(collector: Collector) -> None:
    root, other = TraceContext(new_trace(), new_span()), TraceContext(new_trace(), new_span())
    links = [Link(other, {"agent_flows.waited_for": "retry"})]
    told: Attributes = {"text": "ä", "yes": True, "number": -3, "part": 0.5}

    def fail() -> None:
        with timing("broken", root) as attributes:
            attributes["key"] = "half of a pair: \ud83d"
            raise KeyError

    with spanning("work", root, "CLIENT", links) as attributes:
        attributes.update(told)
    with pytest.raises(KeyError):
        fail()
    flush(30)
    [work], [broken] = collector.named("work"), collector.named("broken")
    assert work.attributes == told
    assert work.links == ((other.trace, other.span, "retry"),)
    assert not work.failed
    assert broken.failed
    assert broken.attributes == {"key": "half of a pair: ?", "error.type": "KeyError"}


@pytest.mark.parametrize(
    "environment, wanted",
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_standard_environment_switches_traces_on(
    environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert traces_wanted() is wanted
    assert recorder() is None
