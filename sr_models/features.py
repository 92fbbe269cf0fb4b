"""Networks that look at pictures the way people do: VGG for the content loss, LPIPS as a measure.

Trained on ImageNet by others; their weights are no part of this project and are read from a
folder that the caller names. Only what makes LPIPS of AlexNet's features, and DISTS of VGG16's
(`sr_models.dists`), is shipped. The networks' own parameters are frozen, gradients reach the
pictures.
"""

from __future__ import annotations

import contextlib
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_models import weightfile
from sr_models.methods import WEIGHTS_DIR

VGG19 = "vgg19_features_to_conv3_4_fp16.safetensors"
BACKBONES = {
    "alex": "alexnet_features_fp16.safetensors",
    "vgg": "vgg16_features_fp16.safetensors",
}
HEADS = {"alex": "lpips_v0.1_alex_lin.safetensors", "vgg": "lpips_v0.1_vgg_lin.safetensors"}
"""The weight that LPIPS gives to each feature. AlexNet's are shipped."""
TAPS = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29)}
"""Where LPIPS looks: activations numbered as in torchvision's ``features``."""
TITLES = {"alex": "AlexNet", "vgg": "VGG16"}
CONVOLUTIONS = {"alex": 5, "vgg": 13}


class Standardise(nn.Module):
    """RGB in [0, 1] to zero mean and unit variance over ImageNet, as every backbone expects."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None])

    def forward(self, image: Tensor) -> Tensor:
        """Standardise a batch (n, 3, h, w)."""
        return (image - self.get_buffer("mean")) / self.get_buffer("std")


class _MeanOfFour(torch.autograd.Function):
    """The mean over cells of 2 x 2, channels last, as a reduction and, backwards, a copy."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        cells = x.permute(0, 2, 3, 1).reshape(n, h // 2, 2, w // 2, 2, c)
        return cells.mean((2, 4)).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        n, c, h, w = gradient.shape
        spread = gradient.new_empty((n, h, 2, w, 2, c))
        spread.copy_(0.25 * gradient.permute(0, 2, 3, 1)[:, :, None, :, None])
        return spread.view(n, 2 * h, 2 * w, c).permute(0, 3, 1, 2)


class MeanPool(nn.AvgPool2d):
    """``nn.AvgPool2d(2, 2)``; PyTorch's own took an eighth of an SRGAN update on a GPU."""

    def __init__(self) -> None:
        super().__init__(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, c, h, w) to (n, c, h // 2, w // 2)."""
        odd = x.shape[2] % 2 or x.shape[3] % 2
        if odd or x.is_cpu or torch.compiler.is_compiling():
            return super().forward(x)
        result: Tensor = _MeanOfFour.apply(x)
        return result


Pooling = Literal["max", "average"]
"""How maps are halved between the convolutions of a feature network."""


def backbone(state: Mapping[str, Tensor], last: int, pooling: Pooling = "max") -> nn.Sequential:
    """The convolutions of VGG or AlexNet up to ``features.{last}``, numbered as in torchvision.

    A convolution is followed by its ReLU; where the numbers leave a gap, there is a pooling: the
    largest value as they were trained, or the mean (Gatys, Ecker, Bethge, CVPR 2016, section 2),
    whose gradient reaches all four places alike.
    """
    alexnet = state["features.0.weight"].shape[-1] == 11
    layers: list[nn.Module] = []
    for index in range(last + 1):
        if f"features.{index}.weight" in state:
            weight, bias = state[f"features.{index}.weight"], state[f"features.{index}.bias"]
            out_channels, in_channels, size, _ = weight.shape
            stride, padding = (4, 2) if size == 11 else (1, size // 2)
            conv = nn.Conv2d(in_channels, out_channels, size, stride, padding)
            conv.load_state_dict({"weight": weight, "bias": bias})
            layers.append(conv)
        elif isinstance(layers[-1], nn.Conv2d):
            layers.append(nn.ReLU())
        else:
            average = pooling == "average" and not alexnet
            layers.append(MeanPool() if average else nn.MaxPool2d(3 if alexnet else 2, 2))
    network = nn.Sequential(*layers).requires_grad_(False)
    return network.to(memory_format=torch.channels_last).eval()


class VGG22(nn.Module):
    """The paper's phi_2,2: VGG19's second convolution, after its ReLU, before the second pooling.

    RGB (n, 3, h, w) in [0, 1] to feature maps (n, 128, h/2, w/2), on the scale of the original
    Caffe weights. Raises ``ValueError`` if the weights are not in ``folder``.
    """

    title = "VGG19 conv2_2"
    scale = 1 / 12.75
    """The paper's, for activations on Caffe's scale (section 3.2)."""

    def __init__(
        self, folder: Path, *, before_relu: bool = False, pooling: Pooling = "max"
    ) -> None:
        super().__init__()
        state = weightfile.load(folder / VGG19)
        layers = backbone(state, last=7 if before_relu else 8, pooling=pooling)
        self.layers = nn.Sequential(Standardise(), layers)

    def forward(self, image: Tensor) -> Tensor:
        """The feature maps of a batch."""
        features: Tensor = self.layers(image)
        return features


class VGG54(nn.Module):
    """The paper's phi_5,4: VGG19's last convolution, or what stands in for it.

    RGB (n, 3, h, w) in [0, 1] to feature maps (n, 512, h/16, w/16), on torchvision's scale. VGG19
    comes from torchvision, whose copy is used if it is there and with ``fetch`` is brought (550
    MB); else VGG16's last convolution, conv5_3, stands in for it, from ``folder``. ``title`` says
    which. Raises ``ValueError`` if neither is to be had.
    """

    scale = 0.9
    """Stands for the paper's 1/12.75, which belongs to Caffe's scale. A choice: the content loss of
    an SRResNet's output (VGG16 conv5_3, crops of 96 px) is 0.2 with it, two hundred times the
    weight of the adversarial loss."""

    def __init__(
        self, folder: Path, *, before_relu: bool = False, pooling: Pooling = "max",
        fetch: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        state = torchvision_vgg19(fetch=fetch)
        self.title = "VGG19 conv5_4" if state else "VGG16 conv5_3"
        if state is None:
            state = weightfile.load(folder / BACKBONES["vgg"])
        last = max(int(key.split(".")[1]) for key in state) + (not before_relu)
        self.layers = nn.Sequential(Standardise(), backbone(state, last, pooling))

    def forward(self, image: Tensor) -> Tensor:
        """The feature maps of a batch."""
        features: Tensor = self.layers(image)
        return features


def torchvision_vgg19(*, fetch: bool) -> dict[str, Tensor] | None:
    """VGG19's convolutions from torchvision's cache, or with ``fetch`` from where it keeps them.

    ``None`` if the cache has none. Raises ``ValueError`` if they were to be fetched and cannot be.
    """
    from torchvision.models import VGG19_Weights

    weights = VGG19_Weights.IMAGENET1K_V1
    cached = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rpartition("/")[2]
    if not (fetch or cached.is_file()):
        return None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            state = weights.get_state_dict(progress=sys.stderr.isatty(), check_hash=True)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"VGG19 cannot be had from {weights.url}: {error}") from None
    return {key: value for key, value in state.items() if key.startswith("features.")}


def packed(path: Path, network: Literal["alex", "vgg"]) -> bytes:
    """What measures need of torchvision's AlexNet or VGG16: safetensors in half precision.

    The same file in ``path`` gives the same bytes. Raises ``ValueError`` if it is another network.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        features = {key: value for key, value in state.items() if key.startswith("features.")}
        found = backbone(features, last=TAPS[network][-1])
        convolutions = sum(isinstance(each, nn.Conv2d) for each in found)
    except (RuntimeError, EOFError, pickle.UnpicklingError, AttributeError, KeyError, IndexError):
        convolutions = 0
    if convolutions != CONVOLUTIONS[network]:
        raise ValueError(f"{path} does not hold torchvision's {TITLES[network]}")
    return weightfile.dump(features, {"source": path.name}, half=True)


class ContentLoss(nn.Module):
    """The distance of two pictures' feature maps (Ledig et al. 2017, equation 5 and section 3.2).

    ``loss(sr, hr)`` takes two batches (n, 3, h, w) in [0, 1] and gives a scalar: ``mse``, the
    paper's, of maps multiplied by the features' ``scale``; or ``l1`` of the maps as they are. The
    gradient goes to ``sr`` alone, because ``hr`` is where it should end up.
    """

    def __init__(self, features: nn.Module, loss: Literal["mse", "l1"] = "mse") -> None:
        super().__init__()
        self.features = features
        self.loss = loss
        self.scale = float(getattr(features, "scale", 1.0))

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """The loss of a batch, a scalar."""
        with torch.no_grad():
            wanted = self.features(hr).float()
        found = self.features(sr).float()
        if self.loss == "l1":
            return F.l1_loss(found, wanted)
        return F.mse_loss(self.scale * found, self.scale * wanted)


class LPIPS(nn.Module):
    """Learned perceptual image patch similarity, version 0.1 (Zhang et al., CVPR 2018).

    ``LPIPS(folder)(a, b)`` takes two batches (n, 3, h, w) of RGB in [-1, 1] and gives (n,)
    distances, 0 for identical pictures and rarely above 1. ``folder`` holds AlexNet, or VGG16 and
    its heads. Raises ``ValueError`` if it does not, or if the pictures are of different or too
    small sizes.
    """

    def __init__(self, folder: Path, network: Literal["alex", "vgg"] = "alex") -> None:
        super().__init__()
        self.taps = TAPS[network]
        self.standardise = Standardise()
        self.layers = backbone(weightfile.load(folder / BACKBONES[network]), last=self.taps[-1])
        heads = weightfile.load((WEIGHTS_DIR if network == "alex" else folder) / HEADS[network])
        for number in range(len(self.taps)):
            self.register_buffer(f"head{number}", heads[f"lin{number}.weight"])

    def _features(self, image: Tensor) -> list[Tensor]:
        """What the backbone holds at every tap, each position scaled to a vector of length 1."""
        x = self.standardise((image + 1) / 2)
        found = []
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index in self.taps:
                # The small term inside the root only keeps its gradient finite at zero.
                length = (x.square().sum(dim=1, keepdim=True) + 1e-20).sqrt()
                found.append(x / (length + 1e-10))
        return found

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The distance of each picture of ``a`` from the same of ``b``."""
        if a.shape != b.shape or a.ndim != 4 or a.shape[1] != 3 or min(a.shape[2:]) < 32:
            raise ValueError(
                "LPIPS compares two batches (n, 3, h, w) of one size, 32 px or more a side, not "
                f"{tuple(a.shape)} and {tuple(b.shape)}"
            )
        total = torch.zeros(len(a), device=a.device)
        pairs = zip(self._features(a), self._features(b), strict=True)
        for number, (one, other) in enumerate(pairs):
            weighted = F.conv2d((one - other).square(), self.get_buffer(f"head{number}"))
            total = total + weighted.mean(dim=(1, 2, 3))
        return total
