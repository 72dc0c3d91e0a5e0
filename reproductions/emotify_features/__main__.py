"""`python -m reproductions.emotify_features`: the commands of document 002."""

from common.cli import main
from reproductions.emotify_features import STUDY

if __name__ == "__main__":
    main(STUDY)
