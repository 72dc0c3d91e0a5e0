"""`python -m reproductions.music_mood_wavenet`: the commands of document 000."""

from common.cli.commands import main
from reproductions.music_mood_wavenet import STUDY

if __name__ == "__main__":
    main(STUDY)
