"""What learns: Keras 3, tf-keras and scikit-learn models behind one protocol, and how they are fed."""

import common.learners.quiet  # noqa: F401 (the first import of Keras decides whether it prints)
