"""`python -m reproductions.music_mood_wavenet`: the commands of document 000."""

from common.cli import console
from reproductions.music_mood_wavenet import STUDY
from tuning.command import study_app

app = study_app(STUDY, ())

if __name__ == "__main__":
    console.main(app)
