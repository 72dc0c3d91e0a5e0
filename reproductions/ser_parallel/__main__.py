"""`python -m reproductions.ser_parallel`: the commands of document 004."""

from common.cli import main
from reproductions.ser_parallel import STUDY

if __name__ == "__main__":
    main(STUDY)
