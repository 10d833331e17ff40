"""Everything sentire raises on purpose.

Each says what came, what is allowed and what to do. None knows HTTP: ``web/problems.py`` holds
the one table from errors to status codes, ``cli/outcome.py`` the one to exit codes.

SentireError
├── InputError              the caller can mend it
│   ├── TextError           one text can't be scored; has a ``code`` and keeps its place in a batch
│   │   ├── EmptyText
│   │   ├── TextTooLong
│   │   ├── NotText
│   │   └── BrokenRow       a row of a file that could not be read
│   ├── NotTexts            one text, a mapping or a data frame where texts are meant
│   ├── SourceError         a file, a column, an encoding or a database
│   ├── OptionError         an option or a setting
│   ├── MissingBackbone     a pretrained encoder to learn from
│   ├── LabelsUnproven      what the labels of a checkpoint mean
│   ├── ModelNotFound       no model or version of that name is served
│   ├── NotInRegistry       a registry has no such model, version or alias
│   ├── VersionTaken        a registry has another bundle under that version
│   ├── UnsupportedRequest  the loaded model has no such output
│   └── RequestRefused      a server that was asked does not take the request
├── OutputError             what was computed can't be written: no space, no permission
├── BundleError             a model can't be trusted
│   ├── BundleNotFound
│   ├── BundleDamaged       digest or schema
│   ├── FingerprintMismatch
│   └── SelfTestFailed
├── MissingExtra            an optional part is not installed
├── BackendError            the engine could not load or run the model
├── TrainingFailed          learning can't go on; the last good state is kept
├── ServiceFailed           a server that was asked failed, or gave no answer of ours
└── Unavailable             not now: try again
    ├── Overloaded
    ├── Closed
    ├── RegistryUnavailable a registry can't be asked, or refuses
    ├── ServiceOverloaded   every server that was asked has too much to do
    └── ServiceUnreachable  no server that could be asked answers
"""

from pathlib import Path
from typing import Any, Self


class SentireError(Exception):
    """Base of every error that sentire raises on purpose; a pickled one keeps its attributes."""

    _arguments: tuple[Any, ...]

    def __new__(cls, *arguments: Any) -> Self:
        """Remember what it was made with, which ``Exception`` replaces by the message."""
        error = super().__new__(cls, *arguments)
        error._arguments = arguments
        return error

    def __reduce__(self) -> tuple[type, tuple[Any, ...], dict[str, Any]]:
        return type(self), self._arguments, self.__dict__


class InputError(SentireError):
    """What was given can't be used; the caller can mend it."""


class TextError(InputError):
    """One text can't be scored. In a batch it becomes the record in the text's own place."""

    code = "text_error"


class EmptyText(TextError):
    """Nothing is left to read: the text is empty, or only blanks and invisible characters."""

    code = "empty_text"

    def __init__(self) -> None:
        super().__init__("the text is empty, or holds only blanks and invisible characters")


class TextTooLong(TextError):
    """The text has more tokens than the model reads at once and ``on_long`` is ``"error"``."""

    code = "text_too_long"

    def __init__(self, n_tokens: int, limit: int) -> None:
        self.n_tokens, self.limit = n_tokens, limit
        super().__init__(
            f"the text has {n_tokens} tokens, the model reads {limit} at once. "
            'Pass on_long="window" to score it in pieces, or shorten it.'
        )


class NotText(TextError):
    """The value is no string, or a cell such as NaN or #REF! that stands for a missing one."""

    code = "not_text"

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(f"the value is {kind}, not a text")


class NotTexts(InputError, TypeError):
    """Reading what was given for texts would score letters, keys or column names."""

    def __init__(self, kind: str, advice: str) -> None:
        self.kind, self.advice = kind, advice
        super().__init__(
            f"texts is {kind}; it must be a list, a column or another iterable of str. {advice}."
        )


class BrokenRow(TextError):
    """A row of a file could not be read; the rows around it could."""

    code = "broken_row"


class SourceError(InputError):
    """A file, column, encoding or database can't be read."""


class OptionError(InputError):
    """An option or a setting has a value that is not allowed."""


class MissingBackbone(InputError):
    """The pretrained encoder to learn from is not there, or can't be read safely."""


class ModelNotFound(InputError):
    """No model or version of that name is served here."""

    def __init__(self, asked: str, served: tuple[str, ...]) -> None:
        self.asked, self.served = asked, served
        super().__init__(f"there is no model {asked!r} here. Served are {', '.join(served)}.")


class NotInRegistry(InputError):
    """A registry has no such model, version or alias."""


class VersionTaken(InputError):
    """A registry has another bundle under that name and version, and versions never change."""


class LabelsUnproven(InputError):
    """The probes contradict what a checkpoint's labels are said to mean, or nobody has said it.

    Attributes
    ----------
    table : str
        What the checkpoint said of the probes, in lines.
    """

    def __init__(self, reason: str, table: str) -> None:
        self.reason, self.table = reason, table
        super().__init__(reason)


class UnsupportedRequest(InputError):
    """The loaded model has no such output."""


class OutputError(SentireError):
    """Results can't be written."""


class BundleError(SentireError):
    """A model bundle can't be trusted."""

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"{self.path}: {reason}")


class BundleNotFound(BundleError):
    """There is no bundle there."""


class BundleDamaged(BundleError):
    """A file is missing or altered, or the manifest does not follow the schema."""


class FingerprintMismatch(BundleError):
    """The bundle was made with another text path than this version of sentire has."""


class SelfTestFailed(BundleError):
    """The model's answers to the golden sentences are not those the bundle promises."""


class MissingExtra(SentireError):
    """An optional part is not installed.

    ``optional.py`` makes these.

    Attributes
    ----------
    extra : str
        The extra that brings it, or several with commas between.
    purpose : str
        What needs it, as the beginning of a sentence.
    install : str
        The command that installs the extra here.
    """

    def __init__(self, extra: str, purpose: str, install: str) -> None:
        self.extra, self.purpose, self.install = extra, purpose, install
        super().__init__(f"{purpose} needs the extra {extra}: {install}")


class BackendError(SentireError):
    """The inference engine could not load or run the model."""


class TrainingFailed(SentireError):
    """Learning can't go on; what was learned up to the last checkpoint is kept."""


class Unavailable(SentireError):
    """Can't be done now; may be tried again."""


class Overloaded(Unavailable):
    """The queue is full."""

    def __init__(self, waiting: int, limit: int) -> None:
        self.waiting, self.limit = waiting, limit
        super().__init__(
            f"{waiting} pieces of text wait and the queue holds {limit}. Try again a little later."
        )


class Closed(Unavailable):
    """The analyzer was closed, its worker ended, or this process was forked from its own."""


class RegistryUnavailable(Unavailable):
    """A registry can't be asked, or it refuses.

    Attributes
    ----------
    url : str
    reason : str
    """

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"registry {url}: {reason}")


class RequestRefused(InputError):
    """A server that was asked does not take the request.

    Attributes
    ----------
    status : int
        Of HTTP.
    code : str
        What programs tell refusals apart by.
    detail : str
        What people read.
    """

    status: int = 422
    code: str = "invalid_request"
    detail: str = ""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status, self.code, self.detail = status, code, detail
        super().__init__(detail)


class ServiceFailed(SentireError):
    """A server that was asked failed at the request, or what it answered is no answer of ours."""

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"the server at {url} {reason}")


class ServiceOverloaded(Unavailable):
    """Every server that was asked has too much to do.

    Attributes
    ----------
    retry_after_s : float
        When to come back.
    """

    retry_after_s: float = 1.0

    def __init__(self, url: str, retry_after_s: float) -> None:
        self.url, self.retry_after_s = url, retry_after_s
        super().__init__(
            f"the server at {url} has too much to do. Try again in {retry_after_s:g} s."
        )


class ServiceUnreachable(Unavailable):
    """No server that could be asked answers.

    Attributes
    ----------
    reasons : tuple of str
        One for each server: its address, and what went wrong.
    """

    def __init__(self, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__(f"no server answers: {'; '.join(reasons)}. Try again a little later.")
