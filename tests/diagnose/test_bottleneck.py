"""The walk to the vertex that limits: along branches, joins, forward edges, chains."""

from drsquirrel.diagnose.bottleneck import Site, Walk, locate, outputs_of
from drsquirrel.model.facts import JobFacts
from drsquirrel.model.unknown import Truth, Unknown
from tests.diagnose.made import BUSY, CALM, HELD, graph, vertex, work

LINE = graph(vertex("s"), vertex("m", "s"), vertex("k", "m"))
YOUNG = Unknown("seen for too short")


def walk(
    facts: JobFacts, rising: dict[str, Truth] | None = None, **works: object
) -> tuple[list[str], Walk]:
    """Names of the sites, and the walk; a vertex is given one work for both subtasks or a pair."""
    of = {v: w if isinstance(w, tuple) else (w, w) for v, w in works.items()}
    found = locate(facts, {v: dict(enumerate(w)) for v, w in of.items()}, rising or {})  # type: ignore[arg-type]
    assert isinstance(found, Walk)
    return [site.vertex for site in found.sites], found


def test_without_any_counters_nothing_is_known() -> None:
    found = locate(LINE, {}, {})
    assert isinstance(found, Unknown)
    assert isinstance(locate(LINE, {"s": {}}, {}), Unknown)


def test_nothing_limits_where_nobody_waits() -> None:
    sites, found = walk(LINE, s=CALM, m=CALM, k=CALM)
    assert sites == [] and found == Walk(())


def test_the_first_vertex_that_does_not_wait_and_has_no_time_left_limits() -> None:
    sites, found = walk(LINE, s=HELD, m=HELD, k=BUSY)
    assert sites == ["k"]
    assert found.sites[0] == Site("k", (0, 1), 0.9)
    assert [found.limits(v) for v in "smk"] == [False, False, True]
    assert walk(LINE, s=HELD, m=BUSY, k=CALM)[0] == ["m"]


def test_half_pressured_and_half_busy_is_not_the_root() -> None:
    assert walk(LINE, s=HELD, m=work(0.5, 0.5), k=BUSY)[0] == ["k"]


def test_pressure_in_the_middle_that_reaches_no_source_holds_nobody_back() -> None:
    assert walk(LINE, s=CALM, m=HELD, k=BUSY)[0] == []


def test_a_frontier_that_is_not_saturated_is_an_open_end() -> None:
    sites, found = walk(LINE, s=HELD, m=HELD, k=work(0.7))
    assert sites == [] and found.open_ends == ("k",)
    sites, found = walk(LINE, s=HELD, m=HELD)
    assert sites == [] and found.open_ends == ("k",), "what was not measured is not known"


def test_one_saturated_subtask_is_enough_and_the_others_are_not_blamed() -> None:
    _, found = walk(LINE, s=HELD, m=HELD, k=(CALM, BUSY))
    assert found.sites[0].subtasks == (1,)


def test_a_saturated_subtask_beside_a_pressured_one_limits_too() -> None:
    sites, found = walk(LINE, s=HELD, m=(HELD, BUSY), k=(BUSY, CALM))
    assert sites == ["m", "k"]
    assert found.sites[0].subtasks == (1,)


def test_on_a_forward_edge_only_the_own_successor_is_reached() -> None:
    facts = graph(vertex("s"), vertex("m", "s FORWARD"), vertex("k", "m"))
    sites, found = walk(facts, s=(HELD, CALM), m=(BUSY, BUSY), k=CALM)
    assert sites == ["m"] and found.sites[0].subtasks == (0,)
    sites, found = walk(facts, s=(HELD, CALM), m=(CALM, BUSY), k=CALM)
    assert sites == [] and found.open_ends == ("m",)


def test_each_branch_may_have_its_own_bottleneck_ranked_by_the_source_time_held_back() -> None:
    facts = graph(vertex("a"), vertex("b"), vertex("x", "a"), vertex("y", "b"))
    sites, found = walk(facts, a=work(0.4, 0.5), b=HELD, x=BUSY, y=BUSY)
    assert sites == ["y", "x"]
    assert [site.holds_back for site in found.sites] == [0.9, 0.5]
    both = graph(vertex("a"), vertex("x", "a"), vertex("y", "a"))
    assert walk(both, a=HELD, x=BUSY, y=BUSY)[0] == ["x", "y"]
    assert walk(both, a=HELD, x=BUSY, y=CALM)[0] == ["x"]


def test_a_join_is_reached_from_every_source_that_waits() -> None:
    facts = graph(vertex("a"), vertex("b"), vertex("join", "a", "b"), vertex("k", "join"))
    sites, found = walk(facts, a=HELD, b=work(0.5, 0.4), join=BUSY, k=CALM)
    assert sites == ["join"]
    assert found.sites[0].holds_back == 0.9 + 0.4
    assert walk(facts, a=HELD, b=CALM, join=HELD, k=BUSY)[0] == ["k"]


def test_what_holds_back_only_sources_that_keep_up_does_not_limit() -> None:
    sick = {"s": HELD, "m": HELD, "k": BUSY}
    assert walk(LINE, {"s": False}, **sick) == ([], Walk(()))
    assert walk(LINE, {"s": True}, **sick)[0] == ["k"]
    facts = graph(vertex("a"), vertex("b"), vertex("join", "a", "b"))
    works = {"a": HELD, "b": HELD, "join": BUSY}
    assert walk(facts, {"a": False, "b": True}, **works)[0] == ["join"]
    assert walk(facts, {"a": False}, **works)[0] == ["join"], "b tells no lag and is held back"
    assert walk(facts, {"a": False, "b": False}, **works)[0] == []
    calm = {"a": HELD, "b": CALM, "join": BUSY}
    assert walk(facts, {"a": False, "b": True}, **calm)[0] == [], "b does not wait for it"


def test_while_the_lag_is_not_known_yet_nothing_is_decided() -> None:
    sites, found = walk(LINE, {"s": YOUNG}, s=HELD, m=HELD, k=BUSY)
    assert sites == [] and found.undecided == ("k",)
    assert found.limits("k") is None and found.limits("m") is False
    sites, found = walk(LINE, {"s": YOUNG}, s=BUSY, m=CALM, k=CALM)
    assert sites == [] and found.undecided == ("s",)


def test_a_chain_limits_where_its_lag_rises_though_there_is_no_pressure_anywhere() -> None:
    one = graph(vertex("all"))
    sites, found = walk(one, {"all": True}, all=(BUSY, CALM))
    assert sites == ["all"]
    assert found.sites[0] == Site("all", (0,), 1.0, inside_chain=True)
    assert walk(one, {"all": False}, all=BUSY)[0] == []
    assert walk(one, {}, all=BUSY) == ([], Walk(())), "busy alone says nothing"
    assert walk(one, {"all": True}, all=CALM)[0] == []


def test_pressure_elsewhere_does_not_hide_a_chain_that_limits() -> None:
    facts = graph(vertex("a"), vertex("b"), vertex("k", "b"))
    assert walk(facts, {"a": True, "b": True}, a=BUSY, b=HELD, k=BUSY)[0] == ["a", "k"]


def test_outputs_are_known_by_who_reads_from_whom() -> None:
    assert [v.id for v, _ in outputs_of(LINE)["s"]] == ["m"]
    assert outputs_of(LINE)["k"] == []
