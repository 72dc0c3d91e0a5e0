"""What no document owns: corpora, features, splits, training, records, commands."""

import os

from common import starting

starting.begin()

# TensorFlow logs hundreds of lines that no user of a command asked for; set the variable to 0 to see them.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
