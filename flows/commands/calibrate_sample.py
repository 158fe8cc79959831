"""The verb `calibrate sample`: draw rollouts for people to rate."""

import shlex
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands import options

if TYPE_CHECKING:
    from flows.calibration.sample import DrawnSet


def sample(
    dimension: Annotated[str, typer.Option("--dimension", "-d", help="The quality that people are to rate.")],
    n: Annotated[int, typer.Option("--n", help="Items to draw.")] = 150,
    family: Annotated[
        str | None, typer.Option("--family", "-f", help="Kind of task, where several have the dimension.")
    ] = None,
    run: Annotated[
        list[str] | None, typer.Option("--run", help="Only these runs; repeatable (default: all completed).")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", "-p", help="Only these; repeatable (default: models, replays, simulated)."),
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", help="Whose verdicts band the rollouts (default: the only judge, if one).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Everything random follows from it.")] = 0,
    allocation: Annotated[
        Literal["proportional", "neyman", "power"] | None,
        typer.Option("--allocation", help="How items are shared (default: neyman after earlier ratings, else power)."),
    ] = None,
    tail_from: Annotated[float, typer.Option("--tail-from", help="Where the high-quality tail begins.")] = 0.9,
    tail_factor: Annotated[float, typer.Option("--tail-factor", help="How much more of the tail is drawn.")] = 2.0,
    raters: Annotated[
        list[str] | None,
        typer.Option("--raters", help="Who rates, with commas (default: open to anyone)."),
    ] = None,
    raters_per_item: Annotated[int | None, typer.Option("--raters-per-item", help="Ratings of an item (2).")] = None,
    raters_top: Annotated[
        int | None, typer.Option("--raters-top", help="Ratings of an item that graders put at 0.7 or more.")
    ] = None,
    share_by_all: Annotated[float, typer.Option("--share-by-all", help="Share of the items that all rate.")] = 0.1,
    again: Annotated[bool, typer.Option("--again", help="Also what was rated or drawn before.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Only what no earlier set could have drawn.")] = False,
    name: Annotated[str | None, typer.Option("--name", help="Name of the set (default: from its content).")] = None,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Draw rollouts for people to rate: stratified, with exact inclusion probabilities, never twice.

    The same command on the same rollouts is the same set.
    """
    from flows import console
    from flows.calibration.frame import FrameRequest
    from flows.calibration.sample import SampleRequest, draw_set
    from flows.commands.query import existing

    path = existing(db)
    drawn = draw_set(
        path,
        SampleRequest(
            frame=FrameRequest(
                dimension=dimension, family=family, runs=options.names(run) or (), policies=options.names(policy) or (),
                judge=judge, again=again, only_new=new,
            ),
            n=n, seed=seed, allocation=allocation, tail_from=tail_from, tail_factor=tail_factor,
            raters=options.names(raters) or (), raters_per_item=raters_per_item, raters_top=raters_top,
            share_by_all=share_by_all, name=name,
        ),
    )  # fmt: skip
    if as_json:
        console.print_json(
            {
                "set_id": drawn.set_id, "is_new": drawn.is_new, "n_items": drawn.n_items, **drawn.head,
                "strata": drawn.strata.drop("set_id").to_dicts(), "assigned": dict(drawn.assigned),
            }
        )  # fmt: skip
        return
    _show(drawn)
    where = f"--set {drawn.set_id} --db {shlex.quote(str(path))}"
    console.next_steps(f"assay calibrate rate {where}", f"assay calibrate export {where} --out ratings")


def _show(drawn: "DrawnSet") -> None:
    import polars as pl

    from flows import console

    head = drawn.head
    console.headline(f"Calibration set {drawn.set_id}: {head['dimension']} of {head['family']}")
    if not drawn.is_new:
        console.paragraph(
            "It was drawn before with this very command; nothing was changed. Another --seed draws another."
        )
    total = {"quality_band": "all", "n_frame": head["n_frame"], "n_sampled": drawn.n_items}
    shown = drawn.strata.with_columns(pl.col("policy", "width").fill_null("several"))
    console.print_frame(
        pl.concat([shown, pl.DataFrame([total])], how="diagonal"),
        {
            "quality_band": "band", "policy": "policy", "width": "left open", "n_frame": "rollouts",
            "n_sampled": "drawn", "inclusion_probability": "chance", "weight": "weight",
        },
    )  # fmt: skip
    for sentence in _sentences(drawn):
        console.paragraph(sentence)
    if drawn.assigned:
        dealt = ", ".join(f"{rater} {n:,}" for rater, n in drawn.assigned.items())
        by_all = head["config"]["n_rated_by_all"]
        console.paragraph(f"Dealt out: {dealt}; {by_all:,} item{'' if by_all == 1 else 's'} to all of them.")
    else:
        console.paragraph(f"Open to anyone; {head['raters_per_item']} ratings of each item are wanted.")


def _sentences(drawn: "DrawnSet") -> list[str]:
    head = drawn.head
    sentences = []
    if drawn.n_items < head["n_wanted"]:
        sentences.append(f"{head['n_wanted']:,} were asked for; these are all there are, so nothing is left to chance.")
    if head["judge"]:
        sentences.append(f"Bands: what {head['judge']} ({head['grader_version']}) said, within what code proves.")
    elif len(drawn.judges) > 1:
        sentences.append(
            f"Bands: what code proves. Several judged: {', '.join(drawn.judges)}; --judge takes one's verdicts as well."
        )
    else:
        sentences.append("Bands: what code proves; no judge was asked.")
    source = drawn.strata["sigma_source"][0]
    known = (
        f"as {head['config']['n_earlier_ratings']:,} rated rollouts show" if source == "ratings" else "assumed equal"
    )
    if drawn.n_items < head["n_frame"]:
        sentences.append(
            f"Allocation: {head['allocation']}, disagreement {known}; "
            f"from {head['tail_from']:g} on {head['tail_factor']:g} times as much."
        )
    left_out = [
        f"{n:,} {why}"
        for n, why in (
            (head["n_already_rated"], "rated before"),
            (head["config"]["n_already_drawn"], "in earlier sets"),
        )
        if n
    ]
    if left_out:
        sentences.append(f"Left out: {', '.join(left_out)}; --again takes them in.")
    return sentences
