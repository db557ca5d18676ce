"""The libraries that are measured, and what each one's environment is made of."""

from typing import NamedTuple

_TENSORFLOW = ("tensorflow-cpu==2.20.0", "keras==3.15.1", "numpy<2.3")


class Peer(NamedTuple):
    """A library.

    Attributes:
        requirements: What pip installs, with what that needs.
        alone: What pip installs without what it says it needs: it asks for another distribution of TensorFlow, or pins.
    """

    requirements: tuple[str, ...]
    alone: tuple[str, ...] = ()


PEERS: dict[str, Peer] = {
    "xplique": Peer(
        (
            *_TENSORFLOW,
            "opencv-python-headless",
            "scikit-image==0.25.2",
            "scikit-learn==1.7.2",
            "scipy==1.15.3",
            "matplotlib",
            "einops",
            "deprecated",
            "tensorflow-probability==0.25.0",
        ),
        ("xplique==2.0.2", "tf-keras==2.20.1"),
    ),
    "tf_keras_vis": Peer(
        (*_TENSORFLOW, "scipy", "pillow", "deprecated", "imageio", "packaging"), ("tf-keras-vis==0.8.7",)
    ),
    "tf_explain": Peer((*_TENSORFLOW, "opencv-python-headless", "matplotlib"), ("tf-explain==0.3.1",)),
    # of torch, pip takes a wheel for CPU where it finds one of this version; from PyPI it brings CUDA's libraries, 3 GB
    "captum": Peer(("torch==2.13.0", "captum==0.9.0", "scikit-learn==1.7.2", "numpy<2.4")),
}
