"""A folder of images, in torchvision's convention: a folder a class, named after it.

Below the root lie the classes, or `train`, and perhaps `val` and `test`, each with the
classes below it. What is missing is drawn from the training images.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from raypg.data.dataset import DatasetSpec
from raypg.data.decoder import Chunk
from raypg.data.decoding import CHUNK
from raypg.data.divide import divide
from raypg.data.images import BrokenImage, PicturesConfig, Shape, read_size
from raypg.data.listing import Listing, list_folder, stamp_listing
from raypg.data.pictures import Pictures, write_pictures
from raypg.data.recipe import Recipe, Written
from raypg.errors import DataError
from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class FolderConfig(PicturesConfig):
    """The `data.*` names under `folder`; `data.root` is the folder."""

    name: Literal["folder"] = "folder"


def pictures_of(listing: Listing, config: PicturesConfig) -> Pictures:
    """The examples of a listing, divided as a config says."""
    where = str(listing.root)
    parts, notes = divide(where, listing.labels, config)
    return Pictures(
        where=where,
        class_names=listing.class_names,
        labels=listing.labels,
        parts=parts,
        notes=notes,
        name_of=lambda split, index: str(listing.root / listing.paths[split][index]),
    )


def spec_listing(listing: Listing, config: PicturesConfig) -> DatasetSpec:
    """The facts of a listing; the size of images by the first one's header."""
    parts, _ = divide(str(listing.root), listing.labels, config)
    return DatasetSpec(
        image_shape=_shape_of(listing, config),
        num_classes=len(listing.class_names),
        num_train=len(parts["train"].index_N),
        num_val=len(parts["val"].index_N),
        num_test=len(parts["test"].index_N),
    )


def write_listing(listing: Listing, config: PicturesConfig, folder: Path) -> Written:
    """Decode a listing into an entry of the cache."""
    pictures = pictures_of(listing, config)
    shape = _shape_of(listing, config)

    def chunks() -> Iterator[Chunk]:
        for split, part in pictures.parts.items():
            paths = listing.paths[part.given]
            for start in range(0, len(part.index_N), CHUNK):
                places = list(range(start, min(start + CHUNK, len(part.index_N))))
                images: list[str | bytes] = [
                    str(listing.root / paths[part.index_N[place]]) for place in places
                ]
                yield Chunk(
                    str(folder), split, shape, config.image_size, places, images
                )

    return write_pictures(pictures, config, shape, folder, chunks())


def _shape_of(listing: Listing, config: PicturesConfig) -> Shape:
    """Of every image in the end: as asked for, or as the first whole one has it."""
    if config.image_size:
        return (config.channels, config.image_size, config.image_size)
    for path in listing.paths["train"]:
        try:
            height, width = read_size((listing.root / path).read_bytes())
        except (BrokenImage, OSError):
            continue
        return (config.channels, height, width)
    rule, fix = "must hold whole images", "Are they images?"
    raise DataError(str(listing.root), rule, "none that can be read", fix)


FOLDER = Recipe(
    title="a folder of images",
    revision=1,
    stamp=lambda config: stamp_listing(list_folder(config.root)),
    spec=lambda config: spec_listing(list_folder(config.root), config),
    write=lambda config, folder: write_listing(
        list_folder(config.root), config, folder
    ),
    place=lambda config: str(list_folder(config.root).root),
)
