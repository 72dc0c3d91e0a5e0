"""Published beside ours: reads records and `published/*.toml`, writes tables, pictures and verdicts."""

import common  # noqa: F401 (Ctrl-C is obeyed in one line from here on)
