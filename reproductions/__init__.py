"""One module or package per document; each follows its document and imports only `common` and `tuning`."""

import common.learners.quiet  # noqa: F401 (before anything imports Keras)
