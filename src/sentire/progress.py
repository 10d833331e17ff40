"""How work that takes long says how far it has come."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with what is done and with all there is to do, in one unit: texts, bytes."""
StageProgress = Callable[[str, int, int], None]
"""Called with the name of a stage, what of it is done and all there is to do in it."""
