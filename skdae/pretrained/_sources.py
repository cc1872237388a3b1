"""The images that the models were trained on, with their authors and licences.

Those of wallpapers are from the copyright files of Debian's packages, and for plasma from the
metadata beside each image.
"""

from __future__ import annotations

from skdae.pretrained._description import Source

__all__ = ["SOURCES"]

_LOMIRI, _MATE = "lomiri-wallpapers", "mate-backgrounds"
_PLASMA, _SKIMAGE = "plasma-workspace-wallpapers", "skimage.data"

_IMAGES = [
    ("Bridge", "Sander Klootwijk", "CC-BY-SA-4.0", _LOMIRI),
    ("Dragonfly", "Bolly", "CC-BY-SA-4.0", _LOMIRI),
    ("Infinite Sea", "Aury88", "CC-BY-SA-3.0", _LOMIRI),
    ("Kleiber", "Lukas Baubkus", "CC-BY-SA-3.0", _LOMIRI),
    ("Picture 0B", "Trevor Freespace", "CC-BY-4.0", _LOMIRI),
    ("Picture 1A", "Trevor Freespace", "CC-BY-4.0", _LOMIRI),
    ("Wine", "Jakub Mede", "CC-BY-4.0", _LOMIRI),
    ("free", "Peter Nerlich", "CC-BY-SA-4.0", _LOMIRI),
    ("friends", "Aitzol Berasategi", "CC-BY-4.0", _LOMIRI),
    ("greentock", "Peter Nerlich", "CC-BY-SA-4.0", _LOMIRI),
    ("life", "Aitzol Berasategi", "CC-BY-4.0", _LOMIRI),
    ("picosdeeuropa", "Aitzol Berasategi", "CC-BY-4.0", _LOMIRI),
    ("seeding", "Clemens Engelhardt", "CC0-1.0", _LOMIRI),
    ("sunset", "Aitzol Berasategi", "CC-BY-4.0", _LOMIRI),
    ("Aqua", "Charles Barbin", "GPL-2.0-or-later", _MATE),
    ("Blinds", "Lennart Poettering, Andrea Cimitan", "GPL-2.0-or-later", _MATE),
    ("FreshFlower", "Jens Ansorg", "GPL-2.0-or-later", _MATE),
    ("Garden", "Charles Barbin", "GPL-2.0-or-later", _MATE),
    ("GreenMeadow", "Timothy Schellhase, Lapo Calamandrei", "GPL-2.0-or-later", _MATE),
    ("LadyBird", "Charles Barbin", "GPL-2.0-or-later", _MATE),
    ("RainDrops", "blackcombwhistler07", "GPL-2.0-or-later", _MATE),
    ("Storm", "Sergey Nazarov", "GPL-2.0-or-later", _MATE),
    ("TwoWings", "Charles Barbin, Hylke Bons", "GPL-2.0-or-later", _MATE),
    ("Wood", "Jean-François Fortin Tam", "GPL-2.0-or-later", _MATE),
    ("YellowFlower", "Charles Barbin", "GPL-2.0-or-later", _MATE),
    ("By the water", "Maciej Wiklo", "LGPL-3.0", _PLASMA),
    ("Cold Ripple", "Risto Saukonpää", "LGPL-3.0", _PLASMA),
    ("Colorful Cups", "Dmitri Popov", "LGPL-3.0", _PLASMA),
    ("Darkest Hour", "Risto Saukonpää", "LGPL-3.0", _PLASMA),
    ("Fallen Leaf", "Martin Klapetek", "LGPL-3.0", _PLASMA),
    ("Kite", "Risto Saukonpää", "LGPL-3.0", _PLASMA),
    ("One Stands Out", "Risto Saukonpää", "LGPL-3.0", _PLASMA),
    ("Path", "Risto Saukonpää", "LGPL-3.0", _PLASMA),
    ("summer 1am", "Risto Saukonpää", "LGPL-3.0", _PLASMA),
    (
        "china",
        "danielbuechele",
        "CC-BY-2.0",
        "https://www.flickr.com/photos/danielbuechele/6061409035",
    ),
    ("flower", "vultilion", "CC-BY-2.0", "https://www.flickr.com/photos/vultilion/6056698931"),
    ("astronaut", "NASA", "public domain", _SKIMAGE),
    ("brick", "cc0textures.com", "CC0-1.0", _SKIMAGE),
    ("coffee", "Rachel Michetti", "CC0-1.0", _SKIMAGE),
    ("coins", "Brooklyn Museum", "public domain", _SKIMAGE),
    ("grass", "linolafett", "CC0-1.0", _SKIMAGE),
    ("gravel", "cc0textures.com", "CC0-1.0", _SKIMAGE),
    ("hubble_deep_field", "NASA", "public domain", _SKIMAGE),
    ("rocket", "SpaceX", "public domain", _SKIMAGE),
]
SOURCES = tuple(
    Source(title=title, author=author, licence=licence, origin=origin)
    for title, author, licence, origin in _IMAGES
)
