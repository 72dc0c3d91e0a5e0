"""`python -m reproductions.music_mood_wavenet`: the commands of document 000."""

from common.cli import console
from common.cli.commands import study_app
from reproductions.music_mood_wavenet import STUDY

app = study_app(STUDY)

if __name__ == "__main__":
    console.main(app)
