"""`python -m common.corpora list | scan DIR ... | verify NAME DIR | download NAME DIR | demo DIR`."""

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from common.cache import file_digests
from common.cli.console import main, new_app
from common.cluster import Cluster, connected
from common.corpora import CORPORA, Corpus, demo, scan, verify
from common.corpora.checksums import indexed
from common.corpora.scanning import LEAVE_OUT, write_list
from common.terminal import say
from common.threads import in_threads

app = new_app("Corpora of emotional speech and music: list them, find them in your folders, download them.")
Json = Annotated[bool, typer.Option("--json", help="Print the same facts for programs.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Read files in this many processes of this machine.")]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS|FILE.json", help="Read files on a cluster: its Dask scheduler.")
]
Name = Annotated[str, typer.Argument(help=f"One of {', '.join(CORPORA)}.")]
Indexed = Annotated[str, typer.Argument(help=f"One of {', '.join(indexed())}: those with published checksums.")]


@app.command("list")
def list_corpora(as_json: Json = False) -> None:
    """List the known corpora with their size, licence, and how to get them."""
    if as_json:
        say(json.dumps([_facts(corpus) for corpus in CORPORA.values()], indent=1))
    else:
        say("\n\n".join(_describe(corpus) for corpus in CORPORA.values()))


def _facts(corpus: Corpus) -> dict[str, object]:
    kept = ("name", "title", "citation", "licence", "address", "how_to_get", "clips", "speakers", "expected")
    return {fact: getattr(corpus, fact) for fact in kept}


def _describe(corpus: Corpus) -> str:
    labels = ", ".join(f"{label} {count}" for label, count in corpus.expected.items())
    by_whom = f" by {corpus.speakers} speakers" if corpus.speakers else ""
    return (
        f"{corpus.name:<8}  {corpus.title}\n"
        f"  clips    {corpus.clips}{by_whom}: {labels}\n"
        f"  cite     {corpus.citation}\n"
        f"  licence  {corpus.licence}\n"
        f"  address  {corpus.address or 'not known to us'}\n"
        f"  get it   {corpus.how_to_get}"
    )


@app.command("scan")
def scan_folders(
    context: typer.Context,
    folders: Annotated[list[Path], typer.Argument(help="Folders with one corpus or several, in any usual layout.")],
    thorough: Annotated[bool, typer.Option("--thorough", help="Decode every file, to find all damaged ones.")] = False,
    listed: Annotated[
        Path | None,
        typer.Option("--list", help=f"Write the files left out here; as {LEAVE_OUT} in a folder, runs heed it."),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    """Report what folders contain: corpora, layouts, clips per class (found and expected), files left out and why."""
    cluster = context.with_resource(connected(workers, scheduler))
    found = scan(folders, thorough=thorough, apply=cluster.apply if cluster else in_threads)
    if listed:
        write_list(listed, [str(entry.path) for entry in found.every_omission])
    if as_json:
        say(json.dumps(found.facts(), indent=1))
        return
    absent = found.absent(list(CORPORA))
    say(found.summary())
    if absent:
        say(f"\nnot found: {', '.join(absent)}")


@app.command("verify")
def verify_corpus(
    context: typer.Context,
    name: Indexed,
    folder: Annotated[Path, typer.Argument(help="The folder of the corpus, or one above it.")],
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    """Compare a corpus with the published files by SHA-256; exit code 1 if a clip is missing."""
    cluster = context.with_resource(connected(workers, scheduler))
    outcome = verify(name, folder, partial(_digests, cluster) if cluster else file_digests)
    say(json.dumps(outcome.facts(), indent=1) if as_json else outcome.summary())
    raise typer.Exit(0 if outcome.complete else 1)


def _digests(cluster: Cluster, paths: Sequence[Path]) -> list[str]:
    return cluster.apply(_digest, [path.absolute() for path in paths], "reading")


def _digest(path: Path) -> str:
    return file_digests([path])[0]


@app.command("download")
def download_corpus(
    name: Name, folder: Annotated[Path, typer.Argument(help="Where to put it.")], as_json: Json = False
) -> None:
    """Download a corpus, unpack it and verify it; run again after an interruption, it resumes."""
    from common.corpora.download import download  # here and not above: the other commands need no network

    outcome = download(name, folder)
    say(json.dumps(outcome.facts(), indent=1) if as_json else outcome.summary())
    raise typer.Exit(0 if outcome.complete else 1)


@app.command("demo")
def write_demo(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    clips: Annotated[
        int, typer.Option(help="Clips per class and corpus; tracks per genre, tag.")
    ] = demo.CLIPS_PER_CLASS,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Same seed, same bytes.")] = 0,
    whole: Annotated[bool, typer.Option("--whole", help="As many clips as the real corpora (2 GB).")] = False,
    as_json: Json = False,
) -> None:
    """Synthesise a small substitute for the corpora, with their file names and layouts; there is none of ESC-10."""
    made = demo.write(folder, clips_per_class=clips, seed=seed, corpora=demo.COUNTERPARTS, whole=whole)
    written = scan([made])
    if as_json:
        say(json.dumps(written.facts(), indent=1))
        return
    per_corpus = Counter(written.manifest["corpus"])
    say(f"demo corpus in {folder}: {', '.join(f'{name} {count}' for name, count in per_corpus.items())} clips")


if __name__ == "__main__":
    main(app)
