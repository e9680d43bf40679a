"""The one type that every data set is returned as."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


# Without eq: comparing arrays gives an array, so a generated == would raise, and hash with it.
@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images with labels, split into a part to train on and a part to test on.

    Attributes:
        train_images: float32, shape (N, height, width, channels), values from 0 to 1.
        train_labels: int32, shape (N,), each from 0 to ``len(class_names) - 1``.
        test_images: As ``train_images``, with M images of the same size.
        test_labels: As ``train_labels``, shape (M,).
        name: What the set is called, for titles.
        class_names: The name of each class; the label is the index.

    Raises:
        TypeError: An array has another data type.
        ValueError: Shapes do not fit each other, or a label has no class name.

    Example:
        >>> dataset = digits()  # doctest: +SKIP
        >>> dataset.train_images.shape  # doctest: +SKIP
        (1438, 28, 28, 1)
    """

    train_images: npt.NDArray[np.float32]
    train_labels: npt.NDArray[np.int32]
    test_images: npt.NDArray[np.float32]
    test_labels: npt.NDArray[np.int32]
    name: str
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        self._check_part("train", self.train_images, self.train_labels)
        self._check_part("test", self.test_images, self.test_labels)
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise ValueError(
                f"training images are {self.train_images.shape[1:]} "
                f"but test images are {self.test_images.shape[1:]}"
            )

    def _check_part(
        self, part: str, images: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]
    ) -> None:
        if images.dtype != np.float32:
            raise TypeError(f"{part}_images must be float32, not {images.dtype}")
        if labels.dtype != np.int32:
            raise TypeError(f"{part}_labels must be int32, not {labels.dtype}")
        if images.ndim != 4:
            raise ValueError(
                f"{part}_images must have shape (N, height, width, channels), not {images.shape}"
            )
        if labels.shape != images.shape[:1]:
            raise ValueError(
                f"{part}_labels must have shape ({images.shape[0]},), one for each image, "
                f"not {labels.shape}"
            )
        if labels.size and not 0 <= labels.min() <= labels.max() < len(self.class_names):
            raise ValueError(
                f"{part}_labels go from {labels.min()} to {labels.max()}, "
                f"but there are {len(self.class_names)} class names"
            )

    def __repr__(self) -> str:
        height, width, channels = self.train_images.shape[1:]
        return (
            f"Dataset({self.name!r}: {len(self.train_images)} training and "
            f"{len(self.test_images)} test images, {height}x{width}x{channels} float32, "
            f"{len(self.class_names)} classes)"
        )
