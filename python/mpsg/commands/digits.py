"""``python -m mpsg digits``: train a network on handwritten digits and show what came out."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import mpsg
from mpsg import data, show
from mpsg.commands._digits_network import CLASSES, DigitsNetwork, build
from mpsg.commands._errors import CommandError
from mpsg.commands._progress import Progress, stop_on_interrupt

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_TEST_BATCH = 250
_IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class Training:
    """What a training left behind.

    Attributes:
        losses: Of each iteration.
        planned: How many iterations there should have been.
        seconds: How long they took.
        images_per_second: Without the first iteration, which compiles.
    """

    losses: list[float]
    planned: int
    seconds: float
    images_per_second: float


def add_parser(commands: _SubParsersAction[Any]) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "digits",
        help="train a network on handwritten digits",
        description="Train a small convolutional network on handwritten digits, test it, and draw "
        "what came out. Ctrl-C ends the training early; the result so far is still shown.",
    )
    option = parser.add_argument
    option(
        "--data",
        default="digits",
        metavar="DATA",
        help='"digits": the set inside scikit-learn (default); "mnist": downloaded once; or a '
        "folder with MNIST's four IDX files",
    )
    option("--batch", type=_integer_from(1), default=40, help="images in a batch (default: 40)")
    option("--iterations", type=_integer_from(0), default=300, help="training steps (default: 300)")
    option("--learning-rate", type=_positive, default=0.05, help="(default: 0.05)")
    option(
        "--seed",
        type=_integer_from(0),
        default=0,
        help="decides first weights and order of images; the same one gives the same losses "
        "(default: 0)",
    )
    option(
        "--output",
        type=Path,
        default=Path("mpsg-digits"),
        metavar="FOLDER",
        help="for pictures and losses (default: ./mpsg-digits)",
    )
    option("--device", default=None, help='for example "cpu": see the command devices')
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train, test, report.

    Raises:
        CommandError: The options, the data or the output folder do not do.
    """
    device = _find_device(options.device)
    _check_writable(options.output)
    dataset = _load(options.data)
    if options.batch > len(dataset.train_images):
        raise CommandError(
            f"--batch {options.batch} is more than the {len(dataset.train_images):,} training "
            f"images of {dataset.name}"
        )
    if not len(dataset.test_images):
        raise CommandError(f"{dataset.name} has no test images")

    network = build(options.learning_rate, options.seed)
    count = sum(math.prod(variable.shape or ()) for variable in network.variables)
    print(
        f"Data:    {dataset.name}, {len(dataset.train_images):,} training and "
        f"{len(dataset.test_images):,} test images\n"
        f"Network: {count:,} parameters\n"
        f"Device:  {device.name} ({device.description})",
        flush=True,
    )
    training = train(network, dataset, options.batch, options.iterations, options.seed, device)
    predictions = classify(network, dataset.test_images, device)
    right = int((predictions == dataset.test_labels).sum())
    print(
        f"Test accuracy: {right / len(predictions):.2%} ({right:,} of {len(predictions):,})\n"
        f"Training took {training.seconds:.1f} s, {training.images_per_second:,.0f} images/s"
    )
    _write_files(options, device, network, dataset, training, predictions)


def train(
    network: DigitsNetwork,
    dataset: data.Dataset,
    batch: int,
    iterations: int,
    seed: int,
    device: mpsg.Device,
) -> Training:
    """Take ``iterations`` steps, or fewer if Ctrl-C comes or the loss is no number any more.

    Args:
        network: As built, or as an earlier training left it.
        dataset: What to train on.
        batch: Images in each step.
        iterations: How many steps.
        seed: Decides the order of the images.
        device: Where to run.
    """
    batches = data.batches(dataset.train_images, dataset.train_labels, batch, seed=seed)
    losses: list[float] = []
    progress = Progress(iterations, batch)
    with stop_on_interrupt() as stop:
        for _ in range(iterations):
            images, labels = next(batches)
            feeds = {network.images: images, network.labels: data.one_hot(labels, CLASSES)}
            results = network.graph.run(feeds, [network.loss], network.updates, device)
            losses.append(results[network.loss].item())
            progress.advance(losses[-1])
            if stop.is_set() or not math.isfinite(losses[-1]):
                break
    training = Training(losses, iterations, progress.seconds, progress.images_per_second)
    progress.close()
    if stop.is_set():
        print(f"Stopped after {len(losses):,} of {iterations:,} iterations.")
    elif losses and not math.isfinite(losses[-1]):
        print(
            f"Stopped: the loss of iteration {len(losses):,} is {losses[-1]}. "
            "A smaller --learning-rate helps."
        )
    return training


def classify(
    network: DigitsNetwork, images: npt.NDArray[np.float32], device: mpsg.Device
) -> npt.NDArray[np.int32]:
    """The class that the network finds most probable, for each image.

    Args:
        network: The network.
        images: Shape (N, 28, 28, 1), values from 0 to 1.
        device: Where to run.

    Returns:
        int32, shape (N,).
    """
    found = [np.zeros(0, np.int32)]
    for start in range(0, len(images), _TEST_BATCH):
        feeds = {network.images: images[start : start + _TEST_BATCH]}
        results = network.graph.run(feeds, [network.classes], device=device)
        found.append(results[network.classes].numpy().reshape(-1))
    return np.concatenate(found)


def _write_files(
    options: argparse.Namespace,
    device: mpsg.Device,
    network: DigitsNetwork,
    dataset: data.Dataset,
    training: Training,
    predictions: npt.NDArray[np.int32],
) -> None:
    """Pictures and losses, and a line that says where each is."""
    output: Path = options.output
    try:
        lines = [f"{step},{loss!r}" for step, loss in enumerate(training.losses, start=1)]
        (output / "losses.csv").write_text("\n".join(["iteration,loss", *lines, ""]))
        print(f"Losses:  {output / 'losses.csv'}")
        if any(map(math.isfinite, training.losses)):
            show.training_report(
                training.losses,
                dataset.test_images,
                dataset.test_labels,
                predictions,
                class_names=dataset.class_names,
                title=f"Training on {dataset.name}",
                facts={
                    "test accuracy": f"{(predictions == dataset.test_labels).mean():.2%}",
                    "iterations": f"{len(training.losses):,}",
                    "batch": options.batch,
                    "training time": f"{training.seconds:.1f} s",
                    "images/s": f"{training.images_per_second:,.0f}",
                    "device": device.name,
                },
                path=output / "report.png",
            )
            print(f"Report:  {output / 'report.png'}")
        show.graph(network.graph, output / "graph.png", title="The network and its training step")
        print(f"Graph:   {output / 'graph.png'}")
    except ImportError as error:
        print(f"No pictures: {error}")
    except OSError as error:
        raise CommandError(f"could not write into {output}: {error}") from error


def _find_device(name: str | None) -> mpsg.Device:
    return mpsg.Device() if name is None else mpsg.Device(name)


def _check_writable(folder: Path) -> None:
    """Before training, since it would be a pity after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandError(
            f"--output {folder}: no files can be written there ({reason})"
        ) from error


def _load(name: str) -> data.Dataset:
    try:
        if name == "digits":
            return data.digits()
        if name == "mnist":
            return data.mnist()
        if not Path(name).is_dir():
            raise CommandError(f'--data {name}: there is no such folder (nor is it "mnist")')
        return data.mnist(name, download=False)
    except FileNotFoundError:
        raise CommandError(
            f"--data {name}: the folder must have {', '.join(_IDX_FILES)}, with or without .gz"
        ) from None
    except (ImportError, OSError, ValueError) as error:
        raise CommandError(f"--data {name}: {error}") from error


def _integer_from(least: int) -> Callable[[str], int]:
    """A type for argparse: integers of at least ``least``."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be an integer, not {text!r}") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {number}")
        return number

    return parse


def _positive(text: str) -> float:
    """A type for argparse: finite numbers above 0."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from None
    if not math.isfinite(number) or number <= 0:
        raise argparse.ArgumentTypeError(f"must be finite and above 0, not {text}")
    return number
