"""Which engine it is. Alone in its file: the server names it in digests and does not load what is compiled."""

from rollbook_server.domain.errors import FailedPrecondition, Reason

ENGINE_VERSION = "1"
"""Part of the run digest: another one whenever a spec on the same data could give another result."""


def demand_engine(made_by: str, field: str) -> None:
    """Before something that was run is run again, in part or as a whole. Raises FailedPrecondition if another engine
    made it: what came out would be of another run, and nothing would tell."""
    if made_by != ENGINE_VERSION:
        raise FailedPrecondition(
            Reason.ENGINE_CHANGED,
            f"engine {made_by} made it, and this server has engine {ENGINE_VERSION}",
            field,
            {"made_by": made_by, "present": ENGINE_VERSION},
        )
