"""Music emotion from handcrafted and deep features (document 002): what belongs to it alone."""

from reports.studies import About
from reports.studies.emotify_features import findings, question, really_done

SOURCES = {
    "emotify-class-table": "the corpus' own tables",
    "emotify-class-table-votes": "the corpus' own tables",
    "emotify-track-numbering": "the corpus' own tables",
    "emotify-pieces": "the corpus' own tables",
    "emotify-minutes": "the corpus' own tables",
    "emotify-ties": "the corpus' own tables",
}
"""What findings need besides the printed numbers."""

ABOUT = About(
    findings.FINDINGS, sources=SOURCES, answers=(really_done.answer, question.answer), compared=question.compared
)
