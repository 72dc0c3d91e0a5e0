"""Published beside obtained: reads records and `published/*.toml`, writes tables, pictures and verdicts."""
