"""The worker's side: the only code that changes stacks."""
