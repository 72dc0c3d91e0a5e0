"""One module or package per document; each follows its document and imports only `common` and `tuning`."""

import common  # noqa: F401 (Ctrl-C is obeyed in one line from here on)
