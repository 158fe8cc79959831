"""One self-contained HTML file: no network, no eval, and no text that could become markup.

Text that people or models wrote reaches the page in two ways only: escaped by the template, or as JSON that cannot end
its element and that the page's script writes as text. The policy in the head allows the two scripts and the style sheet
by their hashes, and nothing else: were some text to become markup after all, it could neither run nor load anything.
"""

import base64
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from flows.errors import InputError
from flows.report import drawings, findings
from flows.report.data import ReportData, script_json
from flows.report.sections import Section, sections
from flows.report.texts import MATERIAL_CHARS, OUTPUT_CHARS, STEP_CHARS, Texts

SQL = """select rollout_id, output, transcript
from rollout
where run_id = '{run}' and instance_id = '...' and policy_id = '...' and sample = 0"""


@dataclass(frozen=True)
class Written:
    """A report on disk."""

    path: Path
    n_bytes: int


def write_report(data: ReportData, texts: Texts, path: Path) -> Written:
    """Write the page; a file that is there is replaced at once or not at all.

    Raises:
        InputError: the place cannot be written to.
    """
    page = render(data, texts).encode()
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(page)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({error.strerror}); name another --out") from None
    return Written(path, len(page))


def render(data: ReportData, texts: Texts) -> str:
    """Return the page of one run."""
    parts = sections(data)
    script, style, runtime = _asset("report.js"), _asset("style.css"), _inline(drawings.runtime())
    run = data.one("run")
    return _template().render(
        policy=_security_policy(scripts=(runtime, script), style=style),
        style=Markup(style),  # noqa: S704 - ours
        script=Markup(script),  # noqa: S704 - ours
        runtime=Markup(runtime),  # noqa: S704 - of the charts' library
        run=run,
        config=json.dumps(json.loads(run["config"]), indent=2, ensure_ascii=False),
        counts=data.one("run_counts"),
        policies=data.rows("run_policies"),
        summary=findings.summary(data),
        breaches=data.breaches,
        unmeasured=data.unmeasured,
        trust=data.trust,
        sections=parts,
        texts_sentence=_kept(data, texts),
        left_out=f"Texts are cut: outputs after {OUTPUT_CHARS:,} characters, materials after {MATERIAL_CHARS:,}, each "
        f"observation after {STEP_CHARS:,}. What was left out is in the warehouse:",
        sql=SQL.format(run=data.run_id.replace("'", "''")),
        data=_json(data.as_json()),
        layout=_json([asdict(part) for part in parts]),
        charts=_json(drawings.chart_specs(_used(parts))),
        texts=_json({"blocks": texts.blocks, "meanings": findings.MEANINGS, "sql": SQL, "run_id": data.run_id}),
    )


def _kept(data: ReportData, texts: Texts) -> str:
    """Say which groups and which texts are in the file."""
    groups = data.one("train_on_counts")["n_groups"]
    which = (
        f"all {texts.n_instances:,} instances"
        if len(texts.blocks) == texts.n_instances
        else f"{len(texts.blocks):,} of {texts.n_instances:,} instances, those with rare verdicts first"
    )
    return (
        f"Verdicts and rewards of all {groups:,} groups are in this file, and the texts of {texts.n_rollouts:,} "
        f"rollouts on {which}: of each group the lowest, the median and the highest reward, and what was "
        "flagged or failed."
    )


def _used(parts: tuple[Section, ...]) -> list[str]:
    return [figure.chart for part in parts for figure in part.figures if figure.chart is not None]


def _security_policy(scripts: tuple[str, ...], style: str) -> str:
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: object) -> Markup:
    return Markup(script_json(value))  # noqa: S704 - every character that means something to HTML is escaped


def _inline(script: str) -> str:
    """Return a script as it may stand between tags: nothing in it ends the element."""
    return script.replace("\r\n", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--")


@cache
def _asset(name: str) -> str:
    return _inline((files("flows.report") / name).read_text(encoding="utf-8"))


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((files("flows.report") / "report.html").read_text(encoding="utf-8"))
