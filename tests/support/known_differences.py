"""Where orbscan departs from Orbax on purpose, and why.

A key is the id of a case and, after a blank, the question as test reports print it:
`"o0.12.8-v1-roots metadata(list)"`. A difference that is listed here but no longer shows fails
the test too, so the list cannot outlive its reasons.
"""

from __future__ import annotations

KNOWN_DIFFERENCES: dict[str, str] = {}
