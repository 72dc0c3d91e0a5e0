"""`python -m reproductions.valence_parallel_conv`: the commands of document 001."""

from reproductions.valence_parallel_conv import STUDY
from reproductions.valence_parallel_conv.searches import SEARCHES
from tuning.command import main

if __name__ == "__main__":
    main(STUDY, SEARCHES)
