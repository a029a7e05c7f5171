"""The embedded AWS: ministack with the parts it lacks, for development and tests.

``python -m infra.local`` runs it on the loopback address. What it adds to ministack
stands in one module per subject: ``integration`` (a REST API that starts executions),
``api_gateway``, ``step_functions`` and ``cloudformation`` (AWS's rules in front of laxer
handlers), ``machines`` (the demo state machines). Each ``install()`` puts its functions in
place of ministack's by assignment, once, before the server starts.
"""

HEALTH_PATH = "/_ministack/health"
"""Answers 200 as soon as the server takes requests; by then the demo machines exist."""
