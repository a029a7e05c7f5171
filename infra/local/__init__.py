"""The embedded AWS: ministack with the parts it lacks, for development and tests.

``python -m infra.local`` runs it on the loopback address. What it adds to ministack
stands in one module per subject, most of them AWS's rules in front of laxer handlers:

- a request through a REST API: ``call`` and ``arrival`` (what is known of it), ``signatures``,
  ``authorization``, ``authorizers``, ``tokens``, ``api_keys``, ``validation``, then
  ``integration`` (starts executions), ``mock`` or ``functions``, then ``answers`` and
  ``gateway_responses``; ``roles`` says what the gateway's roles may do
- the control plane: ``api_gateway``, ``rest_apis``, ``method_responses``, ``domains``,
  ``resource_errors``, ``cloudformation``
- Step Functions: ``step_functions``, ``express``, ``versions``, ``faults``, ``machines``
  (the demo state machines)

Each ``install()`` puts its functions in place of ministack's by assignment, once, before the
server starts (``seams``, ``server``).
"""

HEALTH_PATH = "/_ministack/health"
"""Answers 200 as soon as the server takes requests; by then the demo machines exist."""
