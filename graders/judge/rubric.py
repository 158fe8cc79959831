"""Judge rubrics: one Markdown file for one dimension, with its levels as data in the front matter.

The front matter is TOML between two lines `+++`; the body asks the question twice, in different words. A rubric is
known by the hash of everything that a judge may read of it, so that verdicts under different rubrics never mix.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from graders.rubric import BadRubricError
from tasks_lib.records import Record, content_hash

_FRONT = re.compile(r"\A\+\+\+\s*\n(.*?)\n\+\+\+\s*\n(.*)\Z", re.DOTALL)
_SECTION = re.compile(r"(?m)^# +(.+?)\s*$")
_SECTIONS = {"Question": "question", "Question, said otherwise": "question_paraphrased"}


class Level(Record):
    """One level of the scale and what it looks like."""

    level: int = Field(ge=0)
    anchor: str = Field(min_length=1)
    paraphrase: str = Field(min_length=1)
    """The anchor in other words."""
    example: str = Field(min_length=1)


class JudgeRubric(Record):
    """How one dimension is judged."""

    family: str
    dimension: str
    version: str
    evidence: str = Field(min_length=1)
    """What to quote."""
    cannot_assess: str = Field(min_length=1)
    """When there is no verdict to be had."""
    levels: tuple[Level, ...]
    """From the best to the worst, without gaps; 0 is the worst."""
    question: str = Field(min_length=1)
    question_paraphrased: str = Field(min_length=1)

    @field_validator("levels")
    @classmethod
    def _from_best_to_worst(cls, levels: tuple[Level, ...]) -> tuple[Level, ...]:
        if len(levels) < 2 or [level.level for level in levels] != list(range(len(levels) - 1, -1, -1)):
            raise ValueError("list the levels from the best down to 0, two at least and none left out")
        return levels

    @property
    def top(self) -> int:
        return self.levels[0].level

    @property
    def rubric_hash(self) -> str:
        return content_hash(self.model_dump(mode="json"), length=12)

    def value(self, level: int) -> float:
        """Return a level as a score, 0..1."""
        return level / self.top


def read_judge_rubric(path: Path) -> JudgeRubric:
    """Read a rubric file.

    Raises:
        BadRubricError: no front matter, not TOML, or a field or section is missing, unknown or out of range.
    """
    try:
        parts = _FRONT.match(path.read_text(encoding="utf-8"))
        if parts is None:
            raise BadRubricError(f"{path}: there is no front matter; begin with TOML between two lines '+++'")
        return JudgeRubric.model_validate({**tomllib.loads(parts[1]), **_sections(path, parts[2])})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadRubricError(f"{path}: cannot be read ({error})") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "rubric"
        raise BadRubricError(f"{path}, field {place!r}: {first['msg'].lower()}") from None


@cache
def judge_rubrics(family: str) -> dict[str, JudgeRubric]:
    """Return the rubrics that ship for a family of this project: dimension -> rubric."""
    folder = Path(str(files("graders.judge") / "rubrics"))
    found = [read_judge_rubric(path) for path in sorted(folder.glob(f"{family}.*.md"))]
    return {rubric.dimension: rubric for rubric in found}


def _sections(path: Path, body: str) -> dict[str, str]:
    _, *parts = _SECTION.split(body)
    found = dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))
    for heading in found:
        if heading not in _SECTIONS:
            raise BadRubricError(f"{path}: unknown section {heading!r}; sections: {', '.join(_SECTIONS)}")
    for heading in _SECTIONS:
        if not found.get(heading):
            raise BadRubricError(f"{path}: section '# {heading}' is missing or empty")
    return {_SECTIONS[heading]: text for heading, text in found.items()}
