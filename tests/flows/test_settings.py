"""Settings: where a value comes from, and how a wrong one is told."""

from pathlib import Path

import pytest

from flows.errors import SettingsError
from flows.settings import NOT_OF_THE_WORK, Settings, read_settings
from warehouse.location import Lake


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ASSAY_DB", "ASSAY_GROUP", "ASSAY_N"):
        monkeypatch.delenv(name, raising=False)


def _config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "assay.toml"
    path.write_text(text)
    return path


def test_settings_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line beats the environment, which beats .env, which beats the file, which beats the default."""
    config = _config(tmp_path, "n = 1\ngroup = 1\nseed = 1\nchunk_size = 1\n")
    (tmp_path / ".env").write_text("ASSAY_N=2\nASSAY_GROUP=2\nASSAY_SEED=2\nANTHROPIC_API_KEY=unrelated\n")
    monkeypatch.setenv("ASSAY_N", "3")
    monkeypatch.setenv("ASSAY_GROUP", "3")

    settings = read_settings(config, {"n": 4, "group": None})

    assert (settings.n, settings.group, settings.seed, settings.chunk_size, settings.audit) == (4, 3, 2, 1, True)


def test_settings_lists_are_separated_by_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list needs no JSON."""
    monkeypatch.setenv("ASSAY_POLICIES", "sim/weak, sim/0.7")

    assert read_settings().policies == ("sim/weak", "sim/0.7")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("groups = 4", "unknown field 'groups'; did you mean 'group'?"),
        ("group = 'many'", "field 'group': "),
        ("group = 0", "field 'group': "),
        ("difficulty = '0.8:0.2'", "field 'difficulty': write LOW:HIGH"),
        ("n = ", "cannot be read as TOML"),
        ("weak = 'sim/none'", "the weak anchor 'sim/none' is none of the policies"),
        ("span = ['sim/weak']", "field 'span': name two different policies at least"),
        ("span = ['sim/weak', 'sim/weak']", "field 'span': name two different policies at least"),
        ("span = ['sim/weak', 'sim/mid']\nweak = 'sim/weak'", "give a span or the weak anchor, not both"),
        ("max_cost_usd = 0", "field 'max_cost_usd': "),
        ("mode = 'double'", "field 'mode': "),
        ("[checkpoints.v1]\nstep = 1", "field 'checkpoints.v1.parent': field required"),
        ("[checkpoints.v1]\nparent = 'v0'\nsteps = 1", "field 'checkpoints.v1.steps': "),
        ("[checkpoints.v1]\nparent = 'v0'\nstep = -1", "field 'checkpoints.v1.step': "),
    ],
)
def test_settings_file_errors_name_the_place(tmp_path: Path, text: str, expected: str) -> None:
    """A mistake in the file is told with the file, the field and what to write."""
    with pytest.raises(SettingsError) as told:
        read_settings(_config(tmp_path, text))

    assert expected in str(told.value)
    assert "\n" not in str(told.value)
    if "anchor" not in expected:
        assert "assay.toml" in str(told.value)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ASSAY_GROPU", "8", "environment: unknown variable 'ASSAY_GROPU'; did you mean 'ASSAY_GROUP'?"),
        ("ASSAY_GROUP", "eight", "environment: variable ASSAY_GROUP: "),
        ("ASSAY_THRESHOLDS", "high", "thresholds"),
    ],
)
def test_settings_environment_errors_name_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    """A mistake in the environment is told with the variable."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError) as told:
        read_settings()

    assert expected in str(told.value)


def test_settings_anchors_follow_the_policies() -> None:
    """Without named anchors the simulated ones are taken, else the first and the last policy."""
    assert read_settings().anchors == ("sim/weak", "sim/strong")
    assert read_settings(None, {"policies": ("a/1", "a/2", "a/3")}).anchors == ("a/1", "a/3")
    assert read_settings(None, {"policies": ()}).anchors == (None, None)
    assert read_settings(None, {"policies": ("a/1",)}).anchors == ("a/1", None)


def test_settings_span_takes_part_and_its_ends_are_the_anchors() -> None:
    """Alone where no other policies are named, beside them where some are."""
    alone = read_settings(None, {"span": ("a/1", "a/2", "a/3")})
    assert (alone.policies, alone.anchors) == (("a/1", "a/2", "a/3"), ("a/1", "a/3"))

    beside = read_settings(None, {"span": ("a/1", "a/2"), "policies": ("b/1", "a/2")})
    assert (beside.policies, beside.anchors) == (("b/1", "a/2", "a/1"), ("a/1", "a/2"))


def test_settings_how_a_run_is_done_is_not_what_it_does() -> None:
    """What may differ when a run is taken up again is no part of what was planned."""
    assert set(Settings.model_fields) >= NOT_OF_THE_WORK
    assert {"policies", "span", "mode", "batch", "group", "seed"}.isdisjoint(NOT_OF_THE_WORK)


def test_a_lake_is_read_with_its_folder_and_shows_no_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Catalogue from the command line or environment, folder and bucket from theirs; no password comes out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_DB", "ducklake:postgres:dbname=assay password=s3cr")
    monkeypatch.setenv("ASSAY_DATA_PATH", "files")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")

    settings = read_settings()

    assert isinstance(settings.db, Lake)
    assert settings.db.data_path == str(tmp_path / "files")
    assert settings.db.store.key_id == "key"
    assert "s3cr" not in f"{settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    with pytest.raises(SettingsError, match="dbname=NAME"):
        read_settings(None, {"db": "ducklake:"})
