"""The world a policy acts in: tools, pages, limits, a draft and `submit`."""

import re
from typing import Any

import pytest

from tasks_lib.environment import SUBMIT, Episode
from tasks_lib.records import TaskInstance, ToolCall
from tasks_lib.spreadsheet_clean.environment import SpreadsheetWorld
from tests.support_spreadsheet import FAMILY, one_instance


@pytest.fixture(scope="module")
def instance() -> TaskInstance:
    """A table of 100 records behind pages of 20 lines."""
    return one_instance(3, "inventory", rows=100, page_lines=20, separator=";", preamble=True)


@pytest.fixture
def episode(instance: TaskInstance) -> Episode:
    """A fresh attempt."""
    return Episode(FAMILY.world(instance))


def _call(episode: Episode, tool: str, **arguments: Any) -> str:
    return episode.call(ToolCall(tool=tool, arguments=arguments))


def _table_name(instance: TaskInstance) -> str:
    return next(iter(instance.materials))


def test_unknown_tool_is_answered_with_the_tools_there_are(episode: Episode) -> None:
    """A tool nobody has is an error step whose text lists the tools."""
    answer = _call(episode, "open_file")

    assert answer == "There is no tool 'open_file'. Tools: list_files, read_lines, find, write_draft, submit."
    assert episode.transcript[-1].is_error
    assert not episode.done


@pytest.mark.parametrize(
    ("tool", "arguments", "complaint"),
    [
        ("read_lines", {"file": "nothing.csv"}, "There is no file 'nothing.csv'. Files: "),
        ("read_lines", {}, "The argument 'file' must be a string"),
        ("read_lines", {"file": 3}, "The argument 'file' must be a string, got 3"),
        ("read_lines", {"file": "data_dictionary.md", "start": 0}, "'start' must be a whole number from 1 to"),
        ("read_lines", {"file": "data_dictionary.md", "start": True}, "'start' must be a whole number"),
        ("read_lines", {"file": "data_dictionary.md", "start": "1"}, "'start' must be a whole number"),
        ("read_lines", {"file": "data_dictionary.md", "count": 21}, "must be a whole number from 1 to 20, got 21"),
        ("read_lines", {"file": "data_dictionary.md", "start": 10_000}, "'start' must be a whole number"),
        ("find", {"file": "data_dictionary.md"}, "The argument 'text' must be a string"),
        ("write_draft", {"text": None}, "The argument 'text' must be a string"),
        (SUBMIT, {"text": 5}, "The argument 'text' must be a string, got 5"),
    ],
)
def test_bad_arguments_are_answered_and_end_nothing(
    episode: Episode, tool: str, arguments: dict[str, Any], complaint: str
) -> None:
    """A call that cannot be carried out costs a step, says what is wrong and leaves the attempt open."""
    answer = _call(episode, tool, **arguments)

    assert complaint in answer
    assert [step.is_error for step in episode.transcript] == [True]
    assert not episode.done


def test_step_limit_ends_the_episode(instance: TaskInstance, episode: Episode) -> None:
    """After the last allowed step the attempt is over with an empty output; further calls change nothing."""
    limit = episode.world.step_limit
    for _ in range(limit):
        _call(episode, "list_files")

    assert episode.done
    assert episode.status == "step_limit"
    assert _call(episode, SUBMIT, text="late") == "The episode is over."
    attempt = episode.attempt()
    assert (attempt.status, attempt.output, len(attempt.transcript)) == ("step_limit", "", limit)


def test_submission_in_the_last_step_counts(episode: Episode) -> None:
    """A submission that is exactly the last allowed step is taken."""
    for _ in range(episode.world.step_limit - 1):
        _call(episode, "list_files")

    assert _call(episode, SUBMIT, text="done") == "Received."
    assert episode.attempt().status == "completed"


def test_step_limit_leaves_room_for_the_tour_and_a_draft_in_parts(instance: TaskInstance) -> None:
    """Looking at all pages twice and drafting page by page stays inside the limit."""
    world = FAMILY.world(instance)
    looks = len(FAMILY.tour(instance))

    assert 3 * looks + 1 <= world.step_limit + 12


def test_submission_at_the_size_limit_is_taken_and_above_it_refused(episode: Episode) -> None:
    """The limit is in characters: one more is an error that names both numbers, and the attempt goes on."""
    limit = episode.world.output_limit_chars

    refused = _call(episode, SUBMIT, text="x" * (limit + 1))
    assert refused == f"The submission has {limit + 1:,} characters; at most {limit:,} are taken."
    assert not episode.done
    assert _call(episode, SUBMIT, text="x" * limit) == "Received."
    assert len(episode.attempt().output) == limit


def test_draft_is_handed_in_when_submit_has_no_text(episode: Episode) -> None:
    """Parts are appended, a rewrite replaces them, and submit without text hands the draft in."""
    _call(episode, "write_draft", text="wrong\n")
    assert _call(episode, "write_draft", text="a,b\n", append=False) == "The draft has 1 lines."
    assert _call(episode, "write_draft", text="1,2\n") == "The draft has 2 lines."
    _call(episode, SUBMIT)

    assert episode.attempt().output == "a,b\n1,2\n"


def test_submitted_text_overrules_the_draft(episode: Episode) -> None:
    """Text given to submit is the output even where a draft exists."""
    _call(episode, "write_draft", text="draft")
    _call(episode, SUBMIT, text="final")

    assert episode.attempt().output == "final"


def test_draft_over_the_limit_is_refused_and_stays_what_it_was(episode: Episode) -> None:
    """A part that would make the draft too long is refused as a whole."""
    _call(episode, "write_draft", text="kept")

    answer = _call(episode, "write_draft", text="x" * episode.world.output_limit_chars)
    assert "are the limit" in answer
    assert episode.transcript[-1].is_error
    _call(episode, SUBMIT)
    assert episode.attempt().output == "kept"


def test_submission_without_draft_is_empty(episode: Episode) -> None:
    """Submitting nothing at all completes the attempt with an empty output."""
    _call(episode, SUBMIT)

    assert (episode.attempt().status, episode.attempt().output) == ("completed", "")


def test_episode_left_open_is_truncated(episode: Episode) -> None:
    """An attempt that neither submitted nor ran into the limit was cut off from outside."""
    _call(episode, "list_files")

    assert episode.attempt().status == "truncated"


def test_table_longer_than_a_page_needs_several_reads(instance: TaskInstance, episode: Episode) -> None:
    """One look shows 20 lines and how many are left; all pages together are the file."""
    name = _table_name(instance)
    lines = instance.materials[name].splitlines()

    first = _call(episode, "read_lines", file=name)
    assert first.endswith(f"({len(lines) - 20} more lines)")
    assert len(first.splitlines()) == 21
    shown = []
    for call in FAMILY.tour(instance):
        answer = episode.call(call)
        if call.tool == "read_lines" and call.arguments["file"] == name:
            shown += [line.split("\t", 1)[1] for line in answer.splitlines()[:-1]]
    assert shown == lines
    # 100 records and more lines on pages of 20: six looks at least.
    reads = [c for c in FAMILY.tour(instance) if c.tool == "read_lines" and c.arguments["file"] == name]
    assert len(reads) == -(-len(lines) // 20) >= 6


def test_high_difficulty_needs_more_than_one_look() -> None:
    """From middling difficulty on no table fits on one page."""
    for seed in range(20):
        instance = FAMILY.generate(seed, difficulty=0.7)
        world = SpreadsheetWorld(instance)
        assert len(world.files[_table_name(instance)]) > world.page_lines


def test_dictionary_is_needed_for_the_units(instance: TaskInstance) -> None:
    """The request does not hold the conversions; the dictionary, a file of its own, does."""
    dictionary = instance.materials["data_dictionary.md"]
    facts = [line for line in dictionary.splitlines() if re.search(r"^- \w+: .*\d", line)]

    assert facts
    assert all(fact[2:] not in instance.prompt for fact in facts)


def test_find_ignores_case_and_counts_hits(instance: TaskInstance, episode: Episode) -> None:
    """A search shows twenty lines at most, tells how many there are, and does not mind upper case."""
    name = _table_name(instance)
    lines = instance.materials[name].splitlines()

    answer = _call(episode, "find", file=name, text=";")
    # The title lines of the preamble hold no separator; everything else does.
    assert answer.endswith(f"({sum(';' in line for line in lines)} lines in all)")
    assert len(answer.splitlines()) == 21
    assert _call(episode, "find", file=name, text="HEX") == _call(episode, "find", file=name, text="hex")


def test_list_files_shows_sizes(instance: TaskInstance, episode: Episode) -> None:
    """The list names every file and its number of lines, in the order of the names."""
    expected = [f"{name}: {len(text.splitlines())} lines" for name, text in sorted(instance.materials.items())]

    assert _call(episode, "list_files").splitlines() == expected


def test_single_mode_shows_everything_and_has_submit_only() -> None:
    """The one-turn variant puts every file into the request, and the tour is empty."""
    instance = FAMILY.generate(5, mode="single")
    world = FAMILY.world(instance)

    assert [tool.name for tool in world.tools] == [SUBMIT]
    assert FAMILY.tour(instance) == ()
    assert all(text in instance.prompt for text in instance.materials.values())
    episode = Episode(world)
    assert "Tools: submit." in _call(episode, "read_lines", file="data_dictionary.md")
    assert _call(episode, SUBMIT, text="x") == "Received."


def test_multi_mode_keeps_the_files_out_of_the_request(instance: TaskInstance) -> None:
    """The request of the several-step variant holds no line of the table."""
    body = [line for line in instance.materials[_table_name(instance)].splitlines() if len(line) > 25]

    assert len(body) >= 100
    assert not any(line in instance.prompt for line in body)


def test_observations_are_left_out_where_they_can_be_played_again(instance: TaskInstance) -> None:
    """A policy that is code leaves the length of what it saw, and not the output a second time."""
    episode = Episode(FAMILY.world(instance), keep_observations=False)
    listed = _call(episode, "list_files")
    _call(episode, SUBMIT, text="out")

    look, submit = episode.attempt().transcript
    assert (look.observation, look.observation_chars) == (None, len(listed))
    assert (submit.arguments, episode.attempt().output) == ({}, "out")
