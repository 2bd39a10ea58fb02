"""Scores in the formats of other tools, one module each behind one interface (`formats.ExportFormat`).

Owns: the list of formats. Refuses: deciding on media; that is `decided_scores`.
"""

from blanktrap.files.exports.camtrap_dp import CamtrapDp
from blanktrap.files.exports.coco import CocoCameraTraps
from blanktrap.files.exports.formats import ExportFormat
from blanktrap.files.exports.megadetector import MegaDetector
from blanktrap.files.exports.tables import PlainTable
from blanktrap.files.exports.timelapse import Timelapse
from blanktrap.files.exports.wildlife_insights import WildlifeInsights

_ALL: tuple[ExportFormat, ...] = (
    MegaDetector(),
    CamtrapDp(),
    Timelapse(),
    WildlifeInsights(),
    CocoCameraTraps(),
    PlainTable("csv"),
    PlainTable("parquet"),
)
FORMATS = {one.key: one for one in _ALL}
"""The formats by what `--format` calls them."""
