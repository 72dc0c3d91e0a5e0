"""Published beside ours: reads records and `published/*.toml`, writes tables, pictures and verdicts."""
