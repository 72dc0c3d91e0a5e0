"""`python -m reproductions.ser_parallel`: the commands of document 004."""

from reproductions.ser_parallel import STUDY
from reproductions.ser_parallel.searches import SEARCHES
from tuning.command import main

if __name__ == "__main__":
    main(STUDY, SEARCHES)
