"""`python -m reproductions.ser_parallel`: the commands of document 004."""

from common.cli import console
from reproductions.ser_parallel import STUDY
from reproductions.ser_parallel.searches import SEARCHES
from tuning.command import study_app

app = study_app(STUDY, SEARCHES)

if __name__ == "__main__":
    console.main(app)
