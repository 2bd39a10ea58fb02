"""The habitats of the drawn archive and their colours.

Owns: the palettes. Refuses: drawing.
"""

from typing import Literal

from blanktrap.vision.drawing.plants import Palette

Habitat = Literal["forest", "meadow", "savanna", "scrub"]

PALETTES: dict[Habitat, Palette] = {
    "forest": Palette(
        sky=(196, 208, 204),
        haze=(128, 142, 118),
        far=(46, 60, 38),
        ground_a=(98, 82, 56),
        ground_b=(74, 84, 46),
        leaf_dark=(36, 52, 26),
        leaf_light=(128, 148, 70),
        blade_a=(76, 96, 44),
        blade_b=(146, 150, 82),
        bark=(112, 94, 74),
        stone=(128, 126, 116),
    ),
    "meadow": Palette(
        sky=(178, 204, 232),
        haze=(168, 184, 180),
        far=(68, 88, 58),
        ground_a=(98, 112, 60),
        ground_b=(142, 140, 88),
        leaf_dark=(42, 64, 30),
        leaf_light=(128, 150, 78),
        blade_a=(90, 110, 52),
        blade_b=(180, 178, 104),
        bark=(110, 96, 82),
        stone=(146, 144, 136),
    ),
    "savanna": Palette(
        sky=(186, 206, 226),
        haze=(200, 186, 150),
        far=(112, 106, 66),
        ground_a=(176, 146, 92),
        ground_b=(204, 178, 118),
        leaf_dark=(66, 70, 34),
        leaf_light=(150, 150, 78),
        blade_a=(178, 150, 84),
        blade_b=(222, 200, 138),
        bark=(118, 98, 76),
        stone=(158, 142, 122),
    ),
    "scrub": Palette(
        sky=(190, 204, 216),
        haze=(170, 160, 144),
        far=(98, 96, 80),
        ground_a=(158, 130, 104),
        ground_b=(134, 122, 92),
        leaf_dark=(58, 66, 44),
        leaf_light=(146, 152, 106),
        blade_a=(138, 132, 84),
        blade_b=(196, 180, 124),
        bark=(124, 104, 86),
        stone=(160, 144, 128),
    ),
}
