"""Everything sentire raises on purpose.

Each says what came, what is allowed and what to do. None knows HTTP: ``service/problems.py`` holds
the one table from errors to status codes, ``cli/main.py`` the one to exit codes.

SentireError
├── InputError              the caller can mend it
│   ├── TextError           one text can't be scored; has a ``code`` and keeps its place in a batch
│   │   ├── EmptyText
│   │   ├── TextTooLong
│   │   ├── NotText
│   │   └── BrokenRow       a row of a file that could not be read
│   ├── SourceError         a file, a column, an encoding or a database
│   ├── OptionError         an option or a setting
│   └── UnsupportedRequest  the loaded model has no such output
├── OutputError             what was computed can't be written: no space, no permission
├── BundleError             a model can't be trusted
│   ├── BundleNotFound
│   ├── BundleDamaged       digest or schema
│   ├── FingerprintMismatch
│   └── SelfTestFailed
├── MissingExtra            an optional part is not installed
├── BackendError            the engine could not load or run the model
└── Unavailable             not now: try again
    ├── Overloaded
    └── Closed
"""

from pathlib import Path


class SentireError(Exception):
    """Base of every error that sentire raises on purpose."""


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

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return type(self), ()


class TextTooLong(TextError):
    """The text has more tokens than the model reads at once and ``on_long`` is ``"error"``."""

    code = "text_too_long"

    def __init__(self, n_tokens: int, limit: int) -> None:
        self.n_tokens, self.limit = n_tokens, limit
        super().__init__(
            f"the text has {n_tokens} tokens, the model reads {limit} at once. "
            'Pass on_long="window" to score it in pieces, or shorten it.'
        )

    def __reduce__(self) -> tuple[type, tuple[int, int]]:
        return type(self), (self.n_tokens, self.limit)


class NotText(TextError):
    """The value is no string."""

    code = "not_text"

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(f"the value is {kind}, not a text")

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return type(self), (self.kind,)


class BrokenRow(TextError):
    """A row of a file could not be read; the rows around it could."""

    code = "broken_row"


class SourceError(InputError):
    """A file, column, encoding or database can't be read."""


class OptionError(InputError):
    """An option or a setting has a value that is not allowed."""


class UnsupportedRequest(InputError):
    """The loaded model has no such output."""


class OutputError(SentireError):
    """Results can't be written."""


class BundleError(SentireError):
    """A model bundle can't be trusted."""

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"{self.path}: {reason}")

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.path, self.reason)


class BundleNotFound(BundleError):
    """There is no bundle there."""


class BundleDamaged(BundleError):
    """A file is missing or altered, or the manifest does not follow the schema."""


class FingerprintMismatch(BundleError):
    """The bundle was made with another text path than this version of sentire has."""


class SelfTestFailed(BundleError):
    """The model's answers to the golden sentences are not those the bundle promises."""


class MissingExtra(SentireError):
    """An optional part is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        self.extra, self.purpose = extra, purpose
        super().__init__(f"{purpose} needs an extra: pip install 'sentire[{extra}]'")

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.extra, self.purpose)


class BackendError(SentireError):
    """The inference engine could not load or run the model."""


class Unavailable(SentireError):
    """Can't be done now; may be tried again."""


class Overloaded(Unavailable):
    """The queue is full."""

    def __init__(self, waiting: int, limit: int) -> None:
        self.waiting, self.limit = waiting, limit
        super().__init__(
            f"{waiting} pieces of text wait and the queue holds {limit}. Try again a little later."
        )

    def __reduce__(self) -> tuple[type, tuple[int, int]]:
        return type(self), (self.waiting, self.limit)


class Closed(Unavailable):
    """The analyzer was closed, or its worker ended."""
