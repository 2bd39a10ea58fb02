from typing import Any

import pytest

from blanktrap.core import config
from blanktrap.core.errors import UsageError


@pytest.mark.parametrize(
    ("kind", "values", "flags", "words"),
    [
        (
            config.IndexConfig,
            {"sequence_gap_s": -1.0},
            {"sequence_gap_s": "sequence-gap"},
            "--sequence-gap: ",
        ),
        (config.IndexConfig, {"read_exif": "perhaps"}, {"read_exif": "exif"}, "--exif: "),
        (config.ArchiveConfig, {"num_images": 1}, {"num_images": "images"}, "--images: "),
        (config.ArchiveConfig, {"num_locations": 1}, {"num_locations": "locations"}, "--locations: "),
        (config.SelectConfig, {"shares": (0.6, 0.2, 1.2)}, None, "--shares: "),
        (config.SelectConfig, {"shares": (0.6, 0.2, 0.3)}, None, "--shares: 0.6, 0.2, 0.3 do not sum to 1"),
        (
            config.ScoreConfig,
            {"max_actors": 1, "min_actors": 2},
            None,
            "--max-actors 1 is below --min-actors",
        ),
        (config.ScoreConfig, {"batch_size": 0}, None, "--batch-size: "),
    ],
)
def test_a_refusal_names_the_flag_that_was_given(
    kind: type[config.Config], values: dict[str, Any], flags: dict[str, str] | None, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        config.resolve(kind, values, flags=flags)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_values_that_are_none_keep_their_default() -> None:
    assert config.resolve(config.SelectConfig, {"seed": None}) == config.SelectConfig()


def test_columns_are_pairs_of_our_name_and_theirs() -> None:
    found = config.resolve(config.IndexConfig, {"columns": " path = Foto , label=is_empty"})
    assert dict(found.columns) == {"path": "Foto", "label": "is_empty"}


@pytest.mark.parametrize("text", ["path", "path=", "=x", "lable=x", "path=a,path=b", "path=a,,label=b", ""])
def test_columns_that_name_nothing_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--columns: ") as caught:
        config.resolve(config.IndexConfig, {"columns": text})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("num_media", "chunk_size"), [(1, 32), (2_048, 32), (2_049, 33), (65_536, 1024), (3_000_000, 1024)]
)
def test_chunks_are_a_64th_of_the_manifest_within_bounds(num_media: int, chunk_size: int) -> None:
    assert config.ScoreConfig().chunk_size_for(num_media) == chunk_size
    assert config.ScoreConfig(chunk_size=7).chunk_size_for(num_media) == 7
