"""One small module per kind of page; thin function views."""
