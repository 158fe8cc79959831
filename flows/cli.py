"""The command `assay`: the verbs, and the one place where an error becomes a line and an exit status.

0: done. 1: done, and something assayed does not hold. 2: the input cannot be used, nothing was written. 3: a
candidate is not to be promoted. 130: stopped.
"""

import atexit
import gc
import os
import sys
from collections.abc import Sequence

import typer

from flows.commands.calibrate import app as calibrate_app
from flows.commands.data import generate, grade, lint
from flows.commands.deploy import deploy, serve
from flows.commands.doctor import doctor
from flows.commands.gate import gate
from flows.commands.imports import app as import_app
from flows.commands.query import sql, tables, verdicts
from flows.commands.report import report
from flows.commands.run import audit, demo, run
from flows.commands.whatif import compare, recompose, regrade
from flows.garbage import collect_seldom

STOPPED = 130
"""The exit status of a program that was stopped with Ctrl-C."""

app = typer.Typer(
    name="assay",
    help="Assay reinforcement-learning tasks and graders before gradient descent optimises against them.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (
    demo, run, audit, generate, lint, grade, tables, sql, verdicts, report, recompose, regrade, compare, gate, doctor,
    serve, deploy,
):  # fmt: skip
    app.command()(verb)
app.add_typer(import_app, name="import")
app.add_typer(calibrate_app, name="calibrate")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    from flows.errors import InterruptedRunError, input_errors

    collect_seldom()
    command = typer.main.get_command(app)
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = command.main(args=given or ["--help"], standalone_mode=False)
    except typer.Exit as leave:
        return leave.exit_code
    except typer.TyperException as error:
        return _usage_error(error)
    except InterruptedRunError as stop:
        return _say(str(stop), STOPPED)
    except (KeyboardInterrupt, typer.Abort):
        return _say("stopped", STOPPED)
    except BrokenPipeError:
        # The reader of our output has left (`| head`); nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except input_errors() as error:
        return _say(str(error), 2)
    if status == STOPPED:  # what Typer makes of Ctrl-C
        return _say("stopped", STOPPED)
    return status if isinstance(status, int) else 0


def _usage_error(error: typer.TyperException) -> int:
    message = getattr(error, "format_message", lambda: str(error))()
    if not message.strip():
        return 2
    context = getattr(error, "ctx", None)
    where = f"; see `{context.command_path} --help`" if context is not None else ""
    return _say(message.strip().rstrip(".") + where, 2)


def _say(message: str, status: int) -> int:
    sys.stderr.write(f"assay: {' '.join(message.split())}\n")
    return status


# A last look for garbage, over everything that was imported and loaded, would take half a second after a run.
atexit.register(gc.freeze)

if __name__ == "__main__":
    sys.exit(main())
