"""`python -m reproductions.emotify_features`: the commands of document 002."""

from common.cli import console
from reproductions.emotify_features import STUDY
from reproductions.emotify_features.evidence import evidence
from tuning.command import study_app

app = study_app(STUDY, ())
app.command("evidence")(evidence)

if __name__ == "__main__":
    console.main(app)
