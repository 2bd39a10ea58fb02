"""What the read tasks of a run have to do: each chunk that is left, once, and little read twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from blanktrap.core.config import Background
from blanktrap.core.neighbours import rule_of
from blanktrap.engines.pieces import Span, pieces_of
from blanktrap.files.manifest import Manifest, open_manifest
from blanktrap.files.scores import RunIdentity
from tests.engines.runs import STORAGE
from tests.place_archives import MORNING, Shot, write_archive


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    shots = [
        Shot(place=place, taken=MORNING + number * timedelta(hours=1))
        for place in "abcdef"
        for number in range(15)
    ]
    return open_manifest(STORAGE, write_archive(tmp_path_factory.mktemp("places"), shots))


def cut(
    manifest: Manifest,
    chunk_size: int,
    *,
    without: tuple[int, ...] = (),
    background: Background = "location",
) -> list[Span]:
    """The pieces of a run of which some chunks are done."""
    identity = RunIdentity(
        manifest_digest=manifest.digest,
        num_media=manifest.num_media,
        model_id="any",
        chunk_size=chunk_size,
        precision="auto",
        max_pixels=1,
        max_bytes=1,
    )
    todo = [chunk for chunk in range(identity.num_chunks) if chunk not in without]
    pieces = list(pieces_of(manifest, STORAGE, identity, todo, rule_of(background)))
    rows = sorted(row for piece in pieces for row in range(piece.start, piece.stop))
    assert rows == [row for chunk in todo for row in range(*identity.span(chunk))]
    return pieces


@pytest.mark.parametrize(
    ("chunk_size", "without"), [(16, ()), (16, (0, 2, 3)), (16, (5,)), (7, (4, 6)), (96, ())]
)
def test_pieces_hold_what_is_left_to_do_once(
    manifest: Manifest, chunk_size: int, without: tuple[int, ...]
) -> None:
    assert cut(manifest, chunk_size, without=without)


def test_a_small_archive_is_shared_out_by_places_and_not_by_chunks(manifest: Manifest) -> None:
    # Six places of 15 media: a twentieth of 90 is too little for a cut within one.
    assert cut(manifest, 16) == [Span(start, start + 15) for start in range(0, 90, 15)]
    # The largest first, so that nobody is left with a large one at the end.
    assert cut(manifest, 32) == [Span(15, 45), Span(60, 90), Span(0, 15), Span(45, 60)]


def test_pieces_of_a_large_archive_are_chunks_that_are_large_enough(manifest: Manifest) -> None:
    large = replace(manifest, num_media=100_000)
    assert {piece.num_rows for piece in cut(large, 1024)[:-1]} == {1024}
    assert {piece.num_rows for piece in cut(large, 100)} == {500}
    assert cut(large, 1024, without=(0, 3))[:3] == [Span(1024, 2048), Span(2048, 3072), Span(4096, 5120)]


def test_without_background_a_piece_is_a_chunk(manifest: Manifest) -> None:
    assert cut(manifest, 32, background="none", without=(1,)) == [Span(0, 32), Span(64, 90)]
