"""Which engine it is. Alone in its file: the server names it in digests and does not load what is compiled."""

ENGINE_VERSION = "1"
"""Part of the run digest: another one whenever a spec on the same data could give another result."""
