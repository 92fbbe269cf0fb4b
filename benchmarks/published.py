"""Figures that others have published, to stand beside ours."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A method's figures on a set: PSNR in dB (infinite for the original), SSIM and MOS."""

    psnr: float
    ssim: float
    mos: float


LEDIG2017: dict[tuple[str, str], Published] = {
    # Table 2. Its SRGAN is SRGAN-VGG54.
    ("Set5", "nearest"): Published(26.26, 0.7552, 1.28),
    ("Set5", "bicubic"): Published(28.43, 0.8211, 1.97),
    ("Set5", "srcnn"): Published(30.07, 0.8627, 2.57),
    ("Set5", "selfexsr"): Published(30.33, 0.872, 2.65),
    ("Set5", "drcn"): Published(31.52, 0.8938, 3.26),
    ("Set5", "espcn"): Published(30.76, 0.8784, 2.89),
    ("Set5", "srresnet"): Published(32.05, 0.9019, 3.37),
    ("Set5", "srgan"): Published(29.40, 0.8472, 3.58),
    ("Set5", "hr"): Published(math.inf, 1.0, 4.32),
    ("Set14", "nearest"): Published(24.64, 0.7100, 1.20),
    ("Set14", "bicubic"): Published(25.99, 0.7486, 1.80),
    ("Set14", "srcnn"): Published(27.18, 0.7861, 2.26),
    ("Set14", "selfexsr"): Published(27.45, 0.7972, 2.34),
    ("Set14", "drcn"): Published(28.02, 0.8074, 2.84),
    ("Set14", "espcn"): Published(27.66, 0.8004, 2.52),
    ("Set14", "srresnet"): Published(28.49, 0.8184, 2.98),
    ("Set14", "srgan"): Published(26.02, 0.7397, 3.72),
    ("Set14", "hr"): Published(math.inf, 1.0, 4.32),
    ("BSD100", "nearest"): Published(25.02, 0.6606, 1.11),
    ("BSD100", "bicubic"): Published(25.94, 0.6935, 1.47),
    ("BSD100", "srcnn"): Published(26.68, 0.7291, 1.87),
    ("BSD100", "selfexsr"): Published(26.83, 0.7387, 1.89),
    ("BSD100", "drcn"): Published(27.21, 0.7493, 2.12),
    ("BSD100", "espcn"): Published(27.02, 0.7442, 2.01),
    ("BSD100", "srresnet"): Published(27.58, 0.7620, 2.29),
    ("BSD100", "srgan"): Published(25.16, 0.6688, 3.56),
    ("BSD100", "hr"): Published(math.inf, 1.0, 4.46),
    # Table 1: the losses. These variants were not rated on BSD100.
    ("Set5", "srresnet-vgg22"): Published(30.51, 0.8803, 3.46),
    ("Set5", "srgan-mse"): Published(30.64, 0.8701, 3.77),
    ("Set5", "srgan-vgg22"): Published(29.84, 0.8468, 3.78),
    ("Set14", "srresnet-vgg22"): Published(27.19, 0.7807, 3.15),
    ("Set14", "srgan-mse"): Published(26.92, 0.7611, 3.43),
    ("Set14", "srgan-vgg22"): Published(26.44, 0.7518, 3.57),
}
"""Ledig et al., CVPR 2017, tables 1 and 2, x4. Its SSIM is ``quality.ssim_daala``."""

AGAINST = {"ledig2017": LEDIG2017}
"""What ``--against`` knows."""
