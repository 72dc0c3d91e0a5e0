"""One module per document; each reads like its document and needs nothing but `common` and `tuning`."""

from common.learners.quiet import import_keras

import_keras()
