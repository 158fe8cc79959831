"""Which exceptions are somebody's input, to be told in one line, and which are faults of ours.

InputError           what was asked for cannot be done as written (arguments, files, settings)
  SettingsError      a setting that is unknown or out of range; names the file and the field
InterruptedRunError  the user stopped a run; it can be taken up again
PipelineError        a run broke off in the middle; it can be taken up again
  PassingError       the same, for a reason that may go away by itself
"""


class InputError(ValueError):
    """Bad input; the text is one line that says what is wrong, where, and what to do."""


class SettingsError(InputError):
    """A setting that cannot be used."""


class PipelineError(RuntimeError):
    """A run that could not be finished; the text says why and how to take it up again."""


class PassingError(PipelineError):
    """A run that broke off for a reason that may pass: a warehouse that is in use, a model that does not answer."""


class InterruptedRunError(Exception):
    """The user stopped a run; the text says how to take it up again."""


def input_errors() -> tuple[type[Exception], ...]:
    """Return every exception that is told in one line with exit status 2."""
    from graders.grading import UnknownGraderError
    from graders.judge.judge import UnknownJudgeError
    from graders.rubric import BadRubricError
    from tasks_lib.jsonl import BadLinesError
    from tasks_lib.models.ledger import BadLedgerError
    from tasks_lib.models.prices import BadPricesError
    from tasks_lib.registry import UnknownNameError

    known: list[type[Exception]] = [
        InputError, PipelineError, UnknownGraderError, BadRubricError, BadLinesError, UnknownNameError,
        BadLedgerError, BadPricesError, UnknownJudgeError,
    ]  # fmt: skip
    try:
        from warehouse import WarehouseError
    except ImportError:  # a broken installation of DuckDB must not hide the first error
        return tuple(known)
    return (*known, WarehouseError)
