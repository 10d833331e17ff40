"""Records of what a run measured, as they stand in its JSON file."""

from typing import Any

from msgspec import Struct, field


class Load(Struct, kw_only=True):
    """What a load generator saw."""

    n_requests: int
    seconds: float
    n_failed: int
    """Refused, broken off, timed out, or answered with a status from 400."""
    latency_ms: dict[str, float]
    """Percentile -> milliseconds."""
    generator_cpu_s: float
    """CPU seconds that the generator itself took."""
    late_ms: float = 0.0
    """The 99th percentile of how late requests of a paced load were sent."""

    @property
    def per_s(self) -> float:
        """Requests a second that were answered well."""
        return (self.n_requests - self.n_failed) / self.seconds


class PeerRun(Struct, kw_only=True):
    """A peer, and how it did or why it did not."""

    name: str
    title: str
    runs_onnx: bool
    """Whether it runs the very INT8 file, on ONNX Runtime."""
    versions: str = ""
    settings: str = ""
    error: str | None = None
    start_s: float = 0.0
    agreement: float = 0.0
    """Share of texts to which it gives the label that sentire gives."""
    memory_mb: float = 0.0
    """Resident memory of its processes after the load."""
    loads: dict[int, Load] = field(default_factory=dict)
    """Clients -> load."""


class Calls(Struct, kw_only=True):
    """Calls of the bare engine, one after another."""

    short_p50_ms: float
    """Short texts."""
    mix_p50_ms: float
    """The texts of the run."""
    mix_p99_ms: float
    per_s: float


class Swaps(Struct, kw_only=True):
    """Versions exchanged under full load."""

    without: Load
    during: Load
    seconds: list[float]
    """How long each exchange took, from the request for it to its answer."""


class Results(Struct, kw_only=True):
    """A run. What was left out is empty."""

    date: str
    machine: dict[str, str]
    texts: dict[str, Any]
    seconds_in_all: float = 0.0
    generator: Load | None = None
    """The generator against a server that does nothing."""
    bare: list[float] = field(default_factory=list)
    """Texts a second, tokenized before, in sorted batches."""
    calls: Calls | None = None
    peak: list[Load] = field(default_factory=list)
    """sentire, 64 clients, one text a request."""
    batches: list[Load] = field(default_factory=list)
    """sentire, 32 texts a request."""
    curve: dict[int, Load] = field(default_factory=dict)
    """sentire, clients -> load."""
    lone: Load | None = None
    half: Load | None = None
    memory_mb: dict[int, float] = field(default_factory=dict)
    """Requests answered -> resident memory of the server."""
    memory_failed: int = 0
    cold_s: list[float] = field(default_factory=list)
    swaps: Swaps | None = None
    peers: list[PeerRun] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Part -> why it could not be measured."""
    interrupted: bool = False
