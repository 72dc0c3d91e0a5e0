"""`python -m reproductions.valence_parallel_conv`: the commands of document 001."""

from common.cli import console
from reproductions.valence_parallel_conv import STUDY
from reproductions.valence_parallel_conv.searches import SEARCHES
from tuning.command import study_app

app = study_app(STUDY, SEARCHES)

if __name__ == "__main__":
    console.main(app)
