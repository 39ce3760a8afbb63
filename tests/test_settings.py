"""What can be set, where it is read from, and what is said of a wrong value."""

from pathlib import Path

import pytest

from drsquirrel.settings import Cluster, Settings, SettingsError, Yarn, load, secret

FULL = """
data_dir = "/var/lib/drsquirrel"
port = 9000
poll_interval_s = 5
thread_dumps = true
redact_keys = ["pin", "iban"]

[[cluster]]
url = "https://flink.example:8443/orders"
name = "orders"
ca_file = "ca.pem"
user = "squirrel"
password_file = "password"

[[cluster]]
url = "http://localhost:8081"

[thresholds.checkpoint-slow]
warn_share = 0.6
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "drs.toml"


def refusal(file: Path, text: str) -> str:
    """What is said of these settings; always one sentence on one line."""
    file.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as refused:
        load(file, {}, {})
    sentence = str(refused.value)
    assert sentence.endswith((".", "?")) and sentence.isprintable()
    return sentence.replace(str(file), "FILE")


def test_without_anything_given_every_setting_has_its_default() -> None:
    assert load(None, {}, {}) == Settings()


def test_a_file_sets_everything_with_clusters_and_thresholds(file: Path) -> None:
    file.write_text(FULL)
    settings = load(file, {}, {})
    assert (settings.port, settings.poll_interval_s, settings.thread_dumps) == (9000, 5.0, True)
    assert settings.redact_keys == ("pin", "iban")
    assert settings.cluster[0] == Cluster(
        url="https://flink.example:8443/orders",
        name="orders",
        ca_file="ca.pem",
        user="squirrel",
        password_file="password",
    )
    assert settings.cluster[1] == Cluster(url="http://localhost:8081")
    assert settings.thresholds == {"checkpoint-slow": {"warn_share": 0.6}}


def test_a_file_names_the_yarns_whose_applications_are_watched(file: Path) -> None:
    file.write_text('[[yarn]]\nurl = "http://rm:8088"\nuser = "me"\n[[yarn]]\nurl = "https://b"')
    settings = load(file, {}, {})
    assert settings.yarn == (Yarn(url="http://rm:8088", user="me"), Yarn(url="https://b"))
    with pytest.raises(SettingsError, match="a settings file can hold tables"):
        load(None, {}, {"DRS_YARN": "http://rm:8088"})


def test_a_variable_goes_before_the_file_and_a_flag_before_both(file: Path) -> None:
    file.write_text("port = 1\nrequest_timeout_s = 2\nrequests_per_round = 30")
    variables = {"DRS_PORT": "2", "DRS_REQUEST_TIMEOUT_S": "3.5", "HOME": "/", "PORT": "9"}
    settings = load(file, {"port": 3, "thread_dumps": None}, variables)
    assert settings.port == 3
    assert settings.request_timeout_s == 3.5
    assert settings.requests_per_round == 30


def test_a_variable_holds_truths_and_lists(file: Path) -> None:
    settings = load(None, {}, {"DRS_THREAD_DUMPS": "true", "DRS_REDACT_KEYS": "pin, iban,"})
    assert settings.thread_dumps is True
    assert settings.redact_keys == ("pin", "iban")


def test_the_data_lies_where_the_desktop_standard_says(tmp_path: Path) -> None:
    assert load(None, {}, {}).data_dir == "~/.local/share/drsquirrel"
    assert load(None, {}, {"XDG_DATA_HOME": "/data"}).data_dir == "/data/drsquirrel"
    assert load(None, {}, {"XDG_DATA_HOME": "relative"}).data_dir == "~/.local/share/drsquirrel"
    given = {"XDG_DATA_HOME": "/data", "DRS_DATA_DIR": "/mine"}
    assert load(None, {}, given).data_dir == "/mine"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("port = 70000", "port in FILE is 70000, but must be a whole number from 0 to 65535."),
        ('port = "x"', "port in FILE is 'x', but must be a whole number from 0 to 65535."),
        ("port = 1.5", "port in FILE is 1.5, but must be a whole number from 0 to 65535."),
        ("poll_interval_s = 1", "poll_interval_s in FILE is 1, but must be a number from 2 to 60."),
        ("poll_interval_s = nan", "poll_interval_s in FILE is nan, but must be a number from 2"),
        ("poll_interval_s = true", "poll_interval_s in FILE is True, but must be a number from 2"),
        ("keep_logs_d = 0", "must be a number above 0, at most 36500."),
        ("keep_history_d = inf", "must be a number above 0, at most 36500."),
        ("thread_dumps = 1", "thread_dumps in FILE is 1, but must be true or false."),
        ("data_dir = 7", "data_dir in FILE is 7, but must be text."),
        ('redact_keys = "pin"', "redact_keys in FILE is 'pin', but must be a list of texts."),
        ("prot = 1", "There is no setting prot (in FILE): did you mean port?"),
        ("zzz = 1", "There is no setting zzz (in FILE): see docs/reference/settings.md."),
        ('"a\\u001b[31m" = 1', r"There is no setting 'a\x1b[31m' (in FILE): see docs/"),
        ('cluster = "http://a"', "but must be one [[cluster]] table for each cluster."),
        ("[cluster]\nurl = 'http://a'", "but must be one [[cluster]] table for each cluster."),
        ("cluster = [1]", "but must be one [[cluster]] table for each cluster."),
        ("[[cluster]]\nurl = 5", "url of [[cluster]] 1 in FILE is 5, but must be text."),
        (
            "[[cluster]]\nurl = 'http://a'\n[[cluster]]\nuser = 'b'",
            '[[cluster]] 2 in FILE has no url: add url = "http://HOST:PORT".',
        ),
        (
            "[[cluster]]\nurl = 'http://a'\npasword_file = 'x'",
            "There is no setting pasword_file of [[cluster]] 1 (in FILE): did you mean "
            "password_file?",
        ),
        ("yarn = 'http://a'", "but must be one [[yarn]] table for each YARN."),
        ("[yarn]\nurl = 'http://a'", "but must be one [[yarn]] table for each YARN."),
        (
            "[[yarn]]\nuser = 'me'",
            '[[yarn]] 1 in FILE has no url: add url = "http://HOST:8088".',
        ),
        (
            "[[yarn]]\nurl = 'http://a'\nqueue = 'x'",
            "There is no setting queue of [[yarn]] 1 (in FILE): see docs/",
        ),
        ("thresholds = 5", "but must be one [thresholds.RULE] table for each rule."),
        ("[thresholds]\nslow = 5", "but must be one [thresholds.RULE] table for each rule."),
        (
            "[thresholds.checkpoint-slow]\nwarn_share = 'x'",
            "thresholds.checkpoint-slow.warn_share in FILE is 'x', but must be a number.",
        ),
        ("[thresholds.a]\nb = true", "thresholds.a.b in FILE is True, but must be a number."),
        ("[thresholds.a]\nb = nan", "thresholds.a.b in FILE is nan, but must be a number."),
        ("port = ", "FILE is no valid TOML: "),
    ],
)
def test_a_wrong_setting_is_named_with_its_place_and_what_it_may_be(
    file: Path, text: str, sentence: str
) -> None:
    assert sentence in refusal(file, text)


def test_a_value_as_long_as_a_book_is_not_shown_whole(file: Path) -> None:
    assert len(refusal(file, f"port = '{'x' * 10_000}'")) < 200


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DRS_PORT", "x", "DRS_PORT is 'x', but must be a whole number from 0 to 65535."),
        ("DRS_PORT", "", "DRS_PORT is '', but must be a whole number from 0 to 65535."),
        ("DRS_THREAD_DUMPS", "yes", "DRS_THREAD_DUMPS is 'yes', but must be true or false."),
        ("DRS_PROT", "1", "There is no setting DRS_PROT: did you mean DRS_PORT?"),
        ("DRS_CLUSTER", "http://a", "There is no setting DRS_CLUSTER: "),
        ("DRS_THRESHOLDS", "{}", "There is no setting DRS_THRESHOLDS: "),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(None, {}, {name: value})
    assert str(refused.value).startswith(sentence)


def test_a_wrong_flag_is_named_as_it_was_given() -> None:
    with pytest.raises(SettingsError, match=r"^--data-dir is 5, but must be text\.$"):
        load(None, {"data_dir": 5}, {})


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml: no such file or directory"):
        load(tmp_path / "missing.toml", {}, {})
    with pytest.raises(SettingsError, match="is a directory"):
        load(tmp_path, {}, {})
    (tmp_path / "latin").write_bytes(b'data_dir = "\xe4"')
    with pytest.raises(SettingsError, match="is no valid TOML: "):
        load(tmp_path / "latin", {}, {})


def test_a_secret_is_what_the_file_holds_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" a secret \r\n")
    assert secret(str(tmp_path / "token")) == " a secret "
    assert secret("") == ""


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"", b"\n"])
def test_a_secret_that_is_missing_empty_or_no_text_is_told(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"^The secret in .*token (is|cannot be read).*\.$"):
        secret(str(file))


@pytest.mark.parametrize("name", ["keep_snapshots_h", "keep_history_d", "database_mib", "port"])
def test_a_number_too_large_to_reckon_with_is_refused(file: Path, name: str) -> None:
    assert f"{name} in FILE is 1" in refusal(file, f"{name} = {10**15}")


def test_a_cluster_that_is_only_heard_has_a_name_and_no_url(tmp_path: Path) -> None:
    file = tmp_path / "drs.toml"
    file.write_text('[[cluster]]\nname = "shop"\n')
    assert load(file, {}, {}).cluster == (Cluster(name="shop"),)
