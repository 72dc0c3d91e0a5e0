"""`python -m reproductions.freesound_tagging`: the commands of document 003."""

from common.cli import console
from reproductions.freesound_tagging import STUDY
from reproductions.freesound_tagging.style_transfer import style_transfer
from tuning.command import study_app

if __name__ == "__main__":
    app = study_app(STUDY, ())
    app.command("style-transfer")(style_transfer)
    console.main(app)
