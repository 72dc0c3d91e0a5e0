"""`python -m reproductions.freesound_tagging`: the commands of document 003."""

from common.cli import console
from reproductions.freesound_tagging import STUDY
from reproductions.freesound_tagging.style_command import style_transfer
from tuning.command import study_app

app = study_app(STUDY, ())
app.command("style-transfer")(style_transfer)

if __name__ == "__main__":
    console.main(app)
